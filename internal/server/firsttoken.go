package server

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
)

// FirstToken reads the token that the first start has made for an admin. Fault: kind NotFound "admin-token".
func FirstToken(s Settings) (string, error) {
	content, err := os.ReadFile(filepath.Join(s.Data, config.AdminTokenFile))
	if err != nil {
		return "", fault.New(fault.NotFound, "admin-token", "there is no first token here").Because(err).
			Hint("`gio-server token SUBJECT` makes another one; its server may also have another --data, or another user")
	}
	return strings.TrimSpace(string(content)), nil
}
