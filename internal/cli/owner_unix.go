//go:build unix

package cli

import (
	"os"
	"syscall"
)

// owner is whom a directory belongs to.
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

// give gives a file to the owner. Only root can, and only root needs to.
func (o owner) give(root *os.Root, name string) error {
	if !o.known || os.Geteuid() != 0 {
		return nil
	}
	return root.Lchown(name, o.uid, o.gid)
}
