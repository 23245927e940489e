//go:build !linux && !darwin && !freebsd

package doctor

import "net"

// settingsFile is of no use where there is no setting.
const settingsFile = ""

// bufferSetting returns no name: the system sets programs no limit.
func bufferSetting(bool) (name string, value int) { return "", 0 }

// measureBuffers asks for both buffers on a socket. The system grants all or
// nothing.
func measureBuffers() ([]socketBuffer, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	defer socket.Close() //nolint:errcheck // nothing is lost with it
	if err := socket.SetReadBuffer(askedBuffer); err != nil {
		return nil, err
	}
	if err := socket.SetWriteBuffer(askedBuffer); err != nil {
		return nil, err
	}
	return []socketBuffer{{receive: true, granted: askedBuffer}, {granted: askedBuffer}}, nil
}
