package medium

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"example.com/uft/internal/tun"
)

// The names of the interfaces where none is given.
const (
	leftName  = "medium-left"
	rightName = "medium-right"
)

// parseSides reads where the two ends of a tunnel are.
func (o *options) parseSides(flags *pflag.FlagSet) error {
	for _, flag := range [...]string{"listen", "to", "from"} {
		if flags.Changed(flag) {
			return fmt.Errorf("--%s is for a relay; a tunnel has --left and --right", flag)
		}
	}
	mtu, _ := flags.GetInt("mtu")
	for _, side := range [...]struct {
		flag, name string
		target     *tun.Config
	}{{"left", leftName, &o.tunnel.Left}, {"right", rightName, &o.tunnel.Right}} {
		value, _ := flags.GetString(side.flag)
		c, err := parseSide(value)
		if err != nil {
			return fmt.Errorf("--%s %q: %w", side.flag, value, err)
		}
		if c.Name == "" {
			c.Name = side.name
		}
		c.MTU = mtu
		if err := c.Validate(); err != nil {
			return fmt.Errorf("--%s: %w", side.flag, err)
		}
		*side.target = c
	}
	return nil
}

// parseSide reads NAMESPACE,ADDRESS/BITS,dev=NAME, of which each part may be
// left out, and told from the others by its form.
func parseSide(value string) (tun.Config, error) {
	var c tun.Config
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if name, found := strings.CutPrefix(part, "dev="); found {
			c.Name = name
			continue
		}
		if prefix, err := netip.ParsePrefix(part); err == nil {
			c.Addresses = append(c.Addresses, prefix)
			continue
		}
		if address, err := netip.ParseAddr(part); err == nil {
			return c, fmt.Errorf("the address needs its prefix, for example %v/24", address)
		}
		if part != "" && c.Namespace != "" {
			return c, fmt.Errorf("%q and %q cannot both be its network namespace; write NAMESPACE,ADDRESS/BITS, for example ns1,10.9.0.1/24", c.Namespace, part)
		}
		c.Namespace += part
	}
	return c, nil
}
