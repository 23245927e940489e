package doctor

import (
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Questions of SIOCETHTOOL, from linux/ethtool.h.
const (
	ethtoolTransmitChecksums = 0x16 // ETHTOOL_GTXCSUM
	ethtoolSegmentation      = 0x23 // ETHTOOL_GGSO
	ethtoolJoining           = 0x2b // ETHTOOL_GGRO
)

// adapterFeatures asks the kernel what an interface takes over. It needs no
// privilege and sends nothing.
func adapterFeatures(name string) []feature {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var features []feature
	for _, question := range []struct {
		command uint32
		feature feature
	}{
		{ethtoolTransmitChecksums, feature{name: "checksums", option: "tx"}},
		{ethtoolSegmentation, feature{name: "segmentation", option: "gso"}},
		{ethtoolJoining, feature{name: "joining", option: joinOption}},
	} {
		answer, ok := askAdapter(fd, name, question.command)
		if ok {
			question.feature.on = answer != 0
			features = append(features, question.feature)
		}
	}
	return features
}

// isPhysical reports whether there is a device behind an interface, be it one
// that a virtual machine is shown.
func isPhysical(name string) bool {
	_, err := os.Stat(filepath.Join("/sys/class/net", name, "device"))
	return err == nil
}

// askAdapter makes the system call: the kernel fills in the value behind the
// command (struct ethtool_value).
func askAdapter(fd int, name string, command uint32) (value uint32, ok bool) {
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // the rest of the kernel's union
	}{}
	if len(name) >= len(request.name) {
		return 0, false
	}
	copy(request.name[:], name)
	answer := struct{ command, value uint32 }{command: command}
	request.data = unsafe.Pointer(&answer)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	return answer.value, errno == 0
}
