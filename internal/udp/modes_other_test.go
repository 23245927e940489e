//go:build !linux

package udp

var modes = []mode{{"plain calls", nil, wholeTrains}}
