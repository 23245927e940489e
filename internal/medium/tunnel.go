package medium

import (
	"errors"
	"fmt"

	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
	"example.com/uft/internal/tun"
)

// A TunnelConfig says between which devices a tunnel stands and what it does.
type TunnelConfig struct {
	Left, Right tun.Config

	Up        link.Config // from left to right
	Down      link.Config // from right to left
	Scenarios Scenarios
	Seed      uint64 // of all chance on both links

	// MaxQueuedBytes bounds the memory of delayed packets in each direction;
	// what does not fit is dropped and counted. 0 means
	// DefaultMaxQueuedBytes.
	MaxQueuedBytes int

	Capture *pcap.Writer // of what enters and leaves; nil for none
	Trace   *Trace       // nil for none
}

// Scenarios are what happens to the two links as time passes. They begin with
// the first datagram in either direction.
type Scenarios struct{ Up, Down link.Scenario }

func (c *TunnelConfig) validate() error {
	for _, side := range [...]struct {
		name   string
		device tun.Config
	}{{"left", c.Left}, {"right", c.Right}} {
		if err := side.device.Validate(); err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
	}
	if c.Left.Name == c.Right.Name && c.Left.Namespace == c.Right.Namespace {
		return fmt.Errorf("left and right are in the same network namespace and have the same name %s", c.Left.Name)
	}
	if c.Left.Namespace == c.Right.Namespace && len(c.Left.Addresses) > 0 && len(c.Right.Addresses) > 0 {
		return errors.New("left and right have addresses in the same network namespace, which then reaches each of them without the tunnel; put one of them into another namespace")
	}
	return validateLinks(c.Up, c.Down, c.Scenarios)
}

// validateLinks checks what the two links are to do.
func validateLinks(up, down link.Config, scenarios Scenarios) error {
	for _, side := range [...]struct {
		name     string
		link     link.Config
		scenario link.Scenario
	}{{"up", up, scenarios.Up}, {"down", down, scenarios.Down}} {
		if err := side.link.Validate(); err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		if err := side.scenario.Validate(side.link); err != nil {
			return fmt.Errorf("scenario: %s: %w", side.name, err)
		}
	}
	return nil
}
