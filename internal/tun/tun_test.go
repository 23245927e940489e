package tun

import (
	"net/netip"
	"strings"
	"testing"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{
		{Name: "a"},
		{Name: "medium-left", MTU: 576, Addresses: prefixes("10.0.0.1/24")},
		{Name: "fifteen-letters", MTU: 65535, Addresses: prefixes("fd00::1/64", "10.0.0.1/32"), QueueLength: 1},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, test := range []struct {
		explains string
		config   Config
	}{
		{"interface name", Config{}},
		{"interface name", Config{Name: "sixteen-letters-"}},
		{"interface name", Config{Name: ".."}},
		{"interface name", Config{Name: "a/b"}},
		{"interface name", Config{Name: "a%d"}}, // the kernel would choose a number
		{"MTU", Config{Name: "a", MTU: 575}},
		{"MTU", Config{Name: "a", MTU: 65536}},
		{"MTU", Config{Name: "a", MTU: 1279, Addresses: prefixes("fd00::1/64")}},
		{"queue length", Config{Name: "a", QueueLength: -1}},
		{"at most one", Config{Name: "a", Addresses: prefixes("10.0.0.1/24", "10.0.0.2/24")}},
		{"at most one", Config{Name: "a", Addresses: prefixes("fd00::1/64", "fd00::2/64")}},
		{"at most one", Config{Name: "a", Addresses: []netip.Prefix{{}}}},
		{"at most one", Config{Name: "a", Addresses: prefixes("0.0.0.0/0")}},
	} {
		if err := test.config.Validate(); err == nil || !strings.Contains(err.Error(), test.explains) {
			t.Errorf("%+v: %v, want %q", test.config, err, test.explains)
		}
	}
}
