package sim

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end a child process when this one ends, however
// it ends.
func endWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
