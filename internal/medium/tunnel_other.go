//go:build !linux

package medium

import (
	"context"

	"example.com/uft/internal/link"
	"example.com/uft/internal/tun"
)

// A Tunnel is a bad network between two TUN devices. There is none on this
// system.
type Tunnel struct{}

// OpenTunnel returns tun.ErrUnsupported, or a *ConfigError.
func OpenTunnel(config TunnelConfig) (*Tunnel, error) {
	if err := config.validate(); err != nil {
		return nil, &ConfigError{err}
	}
	return nil, tun.ErrUnsupported
}

// Serve does nothing.
func (t *Tunnel) Serve(context.Context) error { return nil }

// Counters returns nothing.
func (t *Tunnel) Counters() Counters { return Counters{} }

// Change does nothing.
func (t *Tunnel) Change(link.Changes) error { return nil }

// Links returns nothing.
func (t *Tunnel) Links() (up, down link.Config) { return up, down }
