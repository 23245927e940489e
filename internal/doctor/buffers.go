package doctor

import (
	"context"
	"fmt"

	"example.com/uft/internal/cli/term"
)

const (
	// askedBuffer is what internal/udp asks for as receive and as send buffer,
	// in bytes; a test compares.
	askedBuffer = 8 << 20
	// smallBuffer is the receive buffer in bytes below which drops on the
	// socket are put down to it: 8 ms at 1 Gbit/s, about as long as a busy
	// machine may leave a program waiting for the processor.
	smallBuffer = 1 << 20
)

// A socketBuffer is what the system grants of a buffer.
type socketBuffer struct {
	receive bool
	granted int  // bytes
	forced  bool // by a privilege, past the limit
	limit   int  // bytes for those without the privilege; 0: not known
}

// checkBuffers asks for socket buffers as every transfer does.
func checkBuffers(context.Context, Options) []Finding {
	measured, err := measureBuffers()
	if err != nil {
		return []Finding{{Check: "socket buffers", Verdict: Note, Text: "cannot be measured: " + err.Error()}}
	}
	var findings []Finding
	for _, b := range measured {
		findings = append(findings, b.finding())
	}
	return findings
}

// finding weighs a buffer.
func (b socketBuffer) finding() Finding {
	f := Finding{
		Check: "send buffer", Verdict: OK,
		Text:   fmt.Sprintf("%s granted of %s asked", term.Bytes(int64(b.granted)), term.Bytes(askedBuffer)),
		Values: map[string]any{"granted_bytes": b.granted, "asked_bytes": askedBuffer, "forced": b.forced, "limit_bytes": b.limit},
	}
	if b.receive {
		f.Check = "receive buffer"
	}
	setting, _ := bufferSetting(b.receive)
	switch {
	case b.granted >= askedBuffer && b.forced && b.limit > 0 && b.limit < askedBuffer:
		f.Text += ", forced past " + setting
	case b.granted < askedBuffer && setting != "":
		f.Verdict = Fix
		f.Fix, f.Keep = bufferFix(b.receive)
	case b.granted < askedBuffer:
		f.Verdict = Note
	}
	return f
}

// bufferFix returns the commands that raise the limit of a buffer, now and for
// good; they are empty where the system has no such limit.
func bufferFix(receive bool) (now, keep string) {
	name, value := bufferSetting(receive)
	if name == "" {
		return "", ""
	}
	setting := fmt.Sprintf("%s=%d", name, value)
	return "sudo sysctl -w " + setting, fmt.Sprintf("echo %s | sudo tee -a %s", setting, settingsFile)
}

// BufferAdvice returns the line for a user whose socket dropped datagrams
// because its receive buffer, of size bytes, is too small. It is empty where
// nothing was dropped, or where the buffer is not to blame.
func BufferAdvice(size int, drops uint64) string {
	fix, _ := bufferFix(true)
	if drops == 0 || size <= 0 || size >= smallBuffer || fix == "" {
		return ""
	}
	return fmt.Sprintf("this machine dropped %d datagrams: its receive buffer has only %s; %s mends it, uft doctor shows more",
		drops, term.Bytes(int64(size)), fix)
}
