package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/cpu"

	"example.com/uft/internal/seal"
	"example.com/uft/internal/xfer"
)

// measureTime is how long a calculation is measured.
const measureTime = 100 * time.Millisecond

// throughput repeats work, which handles size bytes, and returns its rate in
// bytes per second on one core.
func throughput(size int, work func()) float64 {
	work() // not measured: it may have something to set up
	begin := time.Now()
	for done := 0; ; {
		for range 64 {
			work()
			done += size
		}
		if elapsed := time.Since(begin); elapsed >= measureTime {
			return float64(done) / elapsed.Seconds()
		}
	}
}

// gigabytes prints a rate of bytes as processors are measured: "3.8 GB/s".
func gigabytes(bytesPerSecond float64) string { return fmt.Sprintf("%.1f GB/s", bytesPerSecond/1e9) }

// checkCiphers measures the two ciphers on datagrams of the usual size. Which
// one a connection has is decided in the handshake by both sides: AES only
// where both have it in hardware.
func checkCiphers(context.Context, Options) []Finding {
	gcm, err := sealRate(tls.TLS_AES_128_GCM_SHA256)
	if err != nil {
		return []Finding{{Check: "encryption", Verdict: Note, Text: err.Error()}}
	}
	chacha, err := sealRate(tls.TLS_CHACHA20_POLY1305_SHA256)
	if err != nil {
		return []Finding{{Check: "encryption", Verdict: Note, Text: err.Error()}}
	}
	return []Finding{weighCiphers(hardwareAES(), gcm, chacha)}
}

// weighCiphers weighs the rates, in bytes per second.
func weighCiphers(hardware bool, gcm, chacha float64) Finding {
	f := Finding{
		Check: "encryption", Verdict: OK,
		Text:   fmt.Sprintf("AES-128-GCM %s in hardware, preferred; ChaCha20-Poly1305 %s", gigabytes(gcm), gigabytes(chacha)),
		Values: map[string]any{"aes_hardware": hardware, "aes_128_gcm_bytes_per_second": int64(gcm), "chacha20_poly1305_bytes_per_second": int64(chacha)},
	}
	if !hardware {
		f.Verdict = Note
		f.Text = fmt.Sprintf("no AES in hardware: ChaCha20-Poly1305 %s, preferred; AES-128-GCM %s", gigabytes(chacha), gigabytes(gcm))
	}
	return f
}

// sealRate returns how many bytes per second one core seals with a suite of
// TLS, in datagrams with 1 KiB of file bytes.
func sealRate(suite uint16) (float64, error) {
	keys, err := seal.NewKeys(suite, make([]byte, 32)) // both suites hash with SHA-256
	if err != nil {
		return 0, err
	}
	payload := make([]byte, 1<<10, 1<<10+seal.Overhead)
	header := make([]byte, 13)
	number := uint64(0)
	return throughput(len(payload), func() {
		keys.Seal(payload[:0], header, payload, 0, number)
		number++
	}), nil
}

// hardwareAES reports whether the processor has instructions for AES-GCM: for
// AES, and for the multiplication without carry of GCM.
func hardwareAES() bool {
	switch runtime.GOARCH {
	case "amd64", "386":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ
	case "arm64":
		return cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	case "s390x":
		return cpu.S390X.HasAES && cpu.S390X.HasAESCTR && cpu.S390X.HasGHASH
	case "ppc64le", "ppc64":
		return cpu.PPC64.IsPOWER8
	}
	return false
}

// checkHash measures the hash by which files are verified, chunk by chunk.
func checkHash(context.Context, Options) []Finding {
	chunk := make([]byte, xfer.ChunkSize)
	rate := throughput(len(chunk), func() { xfer.HashChunk(chunk) })
	return []Finding{{
		Check: "hash", Verdict: OK, Text: "BLAKE3 " + gigabytes(rate),
		Values: map[string]any{"blake3_bytes_per_second": int64(rate)},
	}}
}
