//go:build !linux

package processors

import "errors"

// usage is not known elsewhere: the scheduler uses all processors there.
type usage struct{ processors int }

func openUsage() (*usage, error) { return nil, errors.ErrUnsupported }

func (*usage) close() {}

func (*usage) read() (reading, error) { return reading{}, errors.ErrUnsupported }
