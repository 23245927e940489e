package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// srt is the file transfer program of SRT, in its file mode.
var srt = subject{
	name: "srt-file", role: plainPeer,
	about:   "srt-file-transmit in file mode, not encrypted",
	missing: needs("srt-tools", "srt-file-transmit"),
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		copied := filepath.Join(r.copies, filepath.Base(r.source))
		return pair{
			server: []string{
				"srt-file-transmit", "-q",
				fmt.Sprintf("srt://%s:%d?mode=listener&transtype=file", n.addr, port), "file://" + copied,
			},
			client: []string{
				"srt-file-transmit", "-q",
				"file://" + r.source, fmt.Sprintf("srt://%s:%d?mode=caller&transtype=file", n.addr, port),
			},
			protocol: "udp", port: port, copy: copied,
		}.run(ctx, r, n)
	},
}

// udtExamples is where Debian keeps the example programs of UDT, which are the
// file copy that its users have.
const udtExamples = "/usr/share/doc/libudt-dev/examples"

// udt is UDT 4 with the programs sendfile, which serves, and recvfile.
var udt = subject{
	name: "udt", role: plainPeer,
	about: "UDT4: recvfile from sendfile, the example programs of libudt-dev, built with g++ -O2",
	missing: func(r *rig) string {
		if missing := needs("g++", "g++")(r); missing != "" {
			return missing
		}
		for _, needed := range []string{"/usr/include/udt/udt.h", udtExamples + "/sendfile.cpp"} {
			if _, err := os.Stat(needed); err != nil {
				return fmt.Sprintf("no %s: apt-get install libudt-dev (or --install)", needed)
			}
		}
		return ""
	},
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		for _, name := range []string{"sendfile", "recvfile"} {
			if err := buildUDT(ctx, r, name); err != nil {
				return result{}, err
			}
		}
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		copied := filepath.Join(r.copies, "udt.bin")
		return pair{
			server:   []string{filepath.Join(r.state, "sendfile"), text(port)},
			client:   []string{filepath.Join(r.state, "recvfile"), n.addr, text(port), r.source, copied},
			protocol: "udp", port: port, signal: syscall.SIGTERM, copy: copied,
		}.run(ctx, r, n)
	},
}

// buildUDT builds one of the example programs, once in a run.
func buildUDT(ctx context.Context, r *rig, name string) error {
	program := filepath.Join(r.state, name)
	if _, err := os.Stat(program); err == nil {
		return nil
	}
	out, err := exec.CommandContext(ctx, "g++", "-O2", "-w", "-I/usr/include/udt", "-o", program,
		filepath.Join(udtExamples, name+".cpp"), "-ludt", "-lpthread").CombinedOutput()
	if err != nil {
		return fmt.Errorf("g++ %s.cpp: %w: %s", name, err, out)
	}
	return nil
}

// uftp is the multicast file transfer program, to one receiver over unicast.
// Its rate is set by hand: as fast as it goes, or what an emulated link has.
var uftp = subject{
	name: "uftp", role: plainPeer,
	about:   "uftp to uftpd over unicast, not encrypted, buffers 4 MiB; told the rate with -R (97 % of an emulated link with all headers, -1 otherwise)",
	missing: needs("uftp", "uftp", "uftpd"),
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		const receiver = "0x0000BE2C" // the receiver's name, so that the sender waits for nobody else
		buffer, rate := text(4<<20), "-1"
		if n.rate > 0 {
			// It counts 1024 bit as one kbit, and neither IP nor UDP headers,
			// which are 2 % of its packets.
			rate = fmt.Sprint(n.rate * 95 / 100 / 1024)
		}
		roundTrip := fmt.Sprintf("%.3f", max(50*time.Millisecond, n.roundTrip).Seconds())
		return pair{
			server: []string{
				"uftpd", "-d", "-q", "-t", "-U", receiver, "-B", buffer, "-p", text(port),
				"-I", n.serverInterface, "-D", r.copies,
			},
			client: []string{
				"uftp", "-q", "-R", rate, "-B", buffer, "-r", roundTrip, "-H", receiver, "-p", text(port),
				"-M", n.addr, "-P", n.addr, r.source,
			},
			protocol: "udp", port: port, signal: syscall.SIGTERM,
			copy: filepath.Join(r.copies, filepath.Base(r.source)),
		}.run(ctx, r, n)
	},
}
