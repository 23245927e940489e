//go:build !linux

package tun

// A Device is a TUN device. There are none on this system.
type Device struct{}

// Open returns ErrUnsupported.
func Open(Config) (*Device, error) { return nil, ErrUnsupported }

// Close does nothing.
func (d *Device) Close() error { return nil }
