package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// smallBuffer is the usual value of the limits below, in bytes.
const smallBuffer = "212992"

// bufferLimits are the files of net.core.rmem_max and net.core.wmem_max: how
// large a socket buffer can be that a program without privileges asks for.
var bufferLimits = []string{"/proc/sys/net/core/rmem_max", "/proc/sys/net/core/wmem_max"}

// measureBuffers is the case buffers: uft without the privilege to have larger
// socket buffers than the system allows, against uft with it.
func measureBuffers(ctx context.Context, r *rig, doc *report) error {
	if os.Getuid() != 0 {
		r.skip("the case buffers is left out: without root uft has small buffers in every case (net.core.rmem_max is %s)", receiveLimit())
		return nil
	}
	if missing := needs("util-linux", "setpriv")(r); missing != "" {
		r.skip("the case buffers is left out: %s", missing)
		return nil
	}
	if err := r.makeSource(ctx); err != nil {
		return err
	}
	limit, restore := setBufferLimits(smallBuffer)
	defer restore()
	nobody, err := asNobody(r)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, n := range r.networks {
		small := n
		drop := []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"}
		small.client, small.server = append(append([]string{}, n.client...), drop...), append(append([]string{}, n.server...), drop...)
		var all []*series
		for _, s := range []subject{uftSend, uftSend, uftFetch, uftFetch} {
			if len(all)%2 == 1 {
				s.name += " small"
			}
			all = append(all, &series{subject: s, network: n.name})
		}
		for round := range r.rounds {
			for i, s := range all {
				rig, where := r, n
				if i%2 == 1 {
					rig, where = nobody, small
				}
				if err := s.measure(ctx, rig, where, round+1); err != nil {
					return err
				}
			}
		}
		doc.check(all...)
		for i, s := range all {
			compared := s.goodput()
			if i%2 == 1 {
				compared = all[i-1].goodput()
			}
			rows = append(rows, append([]string{n.name}, append(s.row(), ratio(s.goodput(), compared))...))
		}
	}
	doc.section("Small socket buffers",
		fmt.Sprintf("uft as root, which may force its buffers, and (small) as nobody with net.core.rmem_max and wmem_max %s; %s, median of %d.", limit, sizeText(r.size), r.rounds),
		table(append(append([]string{""}, columns...), "÷ large"), rows))
	return r.emptyCopies()
}

// setBufferLimits sets the system's limits for as long as a case runs, and
// returns what they are now. Where the system does not allow that, its own
// limits stand.
func setBufferLimits(bytes string) (limit string, restore func()) {
	var undo []func()
	for _, path := range bufferLimits {
		before, err := os.ReadFile(path)
		if err == nil && os.WriteFile(path, []byte(bytes), 0o644) == nil {
			undo = append(undo, func() { _ = os.WriteFile(path, before, 0o644) })
		}
	}
	return receiveLimit(), func() {
		for _, f := range undo {
			f()
		}
	}
}

// receiveLimit returns net.core.rmem_max in bytes.
func receiveLimit() string {
	out, err := os.ReadFile(bufferLimits[0])
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// asNobody returns the rig for a user without privileges: a program that it can
// reach, a home, and folders that it may write to.
func asNobody(r *rig) (*rig, error) {
	here := *r
	here.shared = true
	here.uft, here.state = filepath.Join(r.area, "uft"), filepath.Join(r.area, "nobody")
	here.copies = filepath.Join(here.state, "copies")
	// cp, since what the bench reads itself would count as memory of uft.
	if out, err := exec.Command("cp", r.uft, here.uft).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cp: %w: %s", err, out)
	}
	if err := os.MkdirAll(here.copies, 0o777); err != nil {
		return nil, err
	}
	return &here, os.Chmod(here.state, 0o777)
}
