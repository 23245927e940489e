package main

import (
	"fmt"
	"strconv"
	"time"
)

// workerLimit ends a worker that the bench has left alone.
const workerLimit = 10 * time.Minute

// work runs the program as one end of a measurement: "bench worker ROLE ...".
func work(args []string) error {
	usage := fmt.Errorf("worker: %q is no role with its arguments", args)
	if len(args) < 3 {
		return usage
	}
	role, a := args[0], args[1:]
	switch {
	case role == "raw-send" && len(a) == 3:
		size, err := strconv.ParseInt(a[2], 10, 64)
		if err != nil {
			return err
		}
		return rawSend(a[0] == "sealed", a[1], size, workerLimit)
	case role == "raw-receive":
		return rawReceive(a[0] == "sealed", a[1], workerLimit)
	case role == "pipe-send":
		return pipeSend(a[0], a[1], workerLimit)
	case role == "pipe-receive":
		return pipeReceive(a[0], a[1], workerLimit)
	case role == "quic-send":
		return quicSend(a[0], a[1], workerLimit)
	case role == "quic-receive":
		return quicReceive(a[0], a[1], workerLimit)
	case role == "kcp-send":
		return kcpSend(a[0], a[1])
	case role == "kcp-receive":
		return kcpReceive(a[0], a[1])
	default:
		return probeWorker(role, a)
	}
}
