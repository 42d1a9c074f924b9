package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sign"
)

// SigningKeys are the keys that the settings name, in their order. They have not been read.
type SigningKeys []signingKey

type signingKey struct {
	name string
	text reference
}

// readSigningKeys reads keys: {NAME: file:PATH}.
func readSigningKeys(path string, node *yaml.Node, getenv func(string) string) (all SigningKeys, err error) {
	r := connectionReader{path, getenv}
	entries, err := r.entries("keys", node)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	for i := 0; i+1 < len(node.Content); i += 2 { // in their order
		name := node.Content[i].Value
		key, value := "keys."+name, entries[name]
		if !connectionName.MatchString(name) {
			return nil, r.invalid(value, key, "a key cannot have this name")
		}
		text, is := referTo(r.place(value, key), value.Value, getenv)
		if !is {
			return nil, r.invalid(value, key, "a key does not stand in the settings").Hint("write file:PATH, or env:NAME for a variable")
		}
		all = append(all, signingKey{name, text})
	}
	return all, nil
}

func (k signingKey) read() (sign.Key, error) {
	text, err := k.text.read()
	if err != nil {
		return sign.Key{}, err
	}
	return sign.ParseKey(k.name, []byte(text))
}

// check says what a key is good for.
func (k signingKey) check() (string, error) {
	key, err := k.read()
	if err == nil && !key.CanSign() {
		return "it verifies signatures, and makes none", nil
	}
	return "it signs bundles", err
}

const (
	// signingKeyFile is the key that a server makes whose settings name none that signs.
	signingKeyFile = "signing-key.pem"
	signingKeyName = "gio-server"
	// byDefault is the setting by which the usual key signs for names that nobody knows.
	byDefault = "default"
)

// keyring are the keys that the server knows. The usual one signs for those who name none.
type keyring struct {
	keys    []sign.Key
	usual   sign.Key
	lenient bool // the usual one signs for names that nobody knows, too
}

// signing reads the keys, and makes one where there is none that signs.
func (s Settings) signing() (ledger.Signing, error) {
	ring := keyring{lenient: s.UnknownSigningKey == byDefault}
	for _, named := range s.SigningKeys {
		key, err := named.read()
		if err != nil {
			return ledger.Signing{}, err
		}
		ring.keys = append(ring.keys, key)
	}
	// The key that the server made once verifies what it has signed, whatever is named since.
	own, err := ownKey(s.Data, !slices.ContainsFunc(ring.keys, sign.Key.CanSign))
	if err != nil {
		return ledger.Signing{}, err
	}
	if own != nil && !slices.ContainsFunc(ring.keys, func(k sign.Key) bool { return k.Name() == own.Name() }) {
		ring.keys = append(ring.keys, *own)
	}
	ring.usual = ring.keys[slices.IndexFunc(ring.keys, sign.Key.CanSign)]
	return ledger.Signing{Key: ring.key, Sign: ring.sign, Verify: ring.verify}, nil
}

// ownKey reads the key of the data directory, or makes it where it is needed and not there; nil for none.
func ownKey(dir string, needed bool) (*sign.Key, error) {
	path := filepath.Join(dir, signingKeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !needed {
			return nil, nil
		}
		text, err = makeKey(path)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "signing-key", "the key that signs bundles cannot be read or made").Because(err).
			Hint("name others: keys: {NAME: file:PATH}")
	}
	key, err := sign.ParseKey(signingKeyName, text)
	return &key, err
}

// makeKey makes a key in a file that only the server's user may read. Of two that do so at once the first one's key counts.
func makeKey(path string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	partial, err := os.CreateTemp(filepath.Dir(path), signingKeyFile+".*") // 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(partial.Name()) }()
	err = errors.Join(pem.Encode(partial, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), partial.Sync(), partial.Close())
	if err != nil {
		return nil, err
	}
	if err := os.Link(partial.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// key finds out by which key is signed for a name.
func (r keyring) key(name string) (string, error) {
	if name == "" {
		return r.usual.Name(), nil
	}
	if i := r.index(name); i >= 0 && r.keys[i].CanSign() {
		return name, nil
	}
	if r.lenient {
		return r.usual.Name(), nil
	}
	var names []string
	for _, k := range r.keys {
		if k.CanSign() {
			names = append(names, k.Name())
		}
	}
	return "", fault.New(fault.Invalid, "unknown-key", "the server has no signing key %.120q; it has %s", name, strings.Join(names, ", ")).
		Hint("the server's setting keys names them; unknown_signing_key: default lets %s sign for every name", r.usual.Name())
}

func (r keyring) index(name string) int {
	return slices.IndexFunc(r.keys, func(k sign.Key) bool { return k.Name() == name })
}

func statement(b ledger.Bundle, items []ledger.Item) sign.Statement {
	s := sign.Statement{Project: b.Project, Name: b.Name, Version: b.Version, Items: make([]sign.Item, 0, len(items))}
	for _, i := range items {
		s.Items = append(s.Items, sign.Item{Name: i.Repository + "/" + i.Path, SHA256: i.SHA256})
	}
	return s
}

func (r keyring) sign(key string, b ledger.Bundle, items []ledger.Item) (string, error) {
	i := r.index(key)
	if i < 0 { // it was there when the name was asked for
		return "", fault.New(fault.Invalid, "unknown-key", "the server has no signing key %.120q any more", key).Hint("seal the bundle by another one")
	}
	envelope, err := r.keys[i].Sign(statement(b, items))
	return string(envelope), err
}

func (r keyring) verify(envelope string, b ledger.Bundle, items []ledger.Item) (string, error) {
	signed, key, err := sign.Verify([]byte(envelope), r.keys)
	if err != nil {
		return "", err
	}
	is := statement(b, items)
	slices.SortFunc(is.Items, func(a, b sign.Item) int { return strings.Compare(a.Name, b.Name) })
	if signed.Project != is.Project || signed.Name != is.Name || signed.Version != is.Version || !slices.Equal(signed.Items, is.Items) {
		return "", fault.New(fault.Invalid, "signature-other", "what is in the bundle %s %s is not what was signed", b.Name, b.Version).
			Hint("somebody has changed the database: do not use the bundle, and look at gio audit --verify")
	}
	return key, nil
}
