//go:build unix

package cli

import (
	"os"
	"syscall"
)

// owner is the owner of a directory.
type owner struct {
	uid, gid int
	known    bool
}

func ownerOf(root *os.Root) owner {
	info, err := root.Stat(".")
	if err != nil {
		return owner{}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}
	}
	return owner{int(stat.Uid), int(stat.Gid), true}
}

// chown makes o the owner of a file. Only root can do that, and only root has to.
func (o owner) chown(root *os.Root, name string) error {
	if !o.known || os.Geteuid() != 0 {
		return nil
	}
	return root.Lchown(name, o.uid, o.gid)
}
