package main

import (
	"context"
	"encoding/json"
	"time"
)

// iperf is what the kernel's TCP carries from memory to memory, for
// comparison: it is no file copy and in no ratio.
var iperf = subject{
	name: "iperf3", role: reference,
	about:   "iperf3, TCP, from memory to memory, its own figure",
	missing: needs("iperf3", "iperf3"),
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		return pair{
			server:   []string{"iperf3", "-s", "-1", "-B", n.addr, "-p", text(port)},
			client:   []string{"iperf3", "-c", n.addr, "-p", text(port), "-n", text(int(r.size)), "--json"},
			protocol: "tcp", port: port,
			figures: iperfFigures,
		}.run(ctx, r, n)
	},
}

// iperfFigures reads the client's JSON.
func iperfFigures(client, _ string) (int64, time.Duration, string, error) {
	var out struct {
		End struct {
			Received struct {
				Bytes   int64   `json:"bytes"`
				Seconds float64 `json:"seconds"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(client), &out); err != nil {
		return 0, 0, "", err
	}
	received := out.End.Received
	return received.Bytes, time.Duration(received.Seconds * float64(time.Second)), "memory to memory", nil
}
