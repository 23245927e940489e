package medium

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/uft/internal/link"
	"example.com/uft/internal/medium"
)

const controlUsage = "medium ctl PATH WORD=VALUE...  changes a running medium, for example rate=5M up.loss=2%\n" +
	"medium ctl PATH stats          prints its links and counters\n"

// The requests that a running program understands.
const (
	requestStats  = "stats"
	requestChange = "change "
)

// runControl is `medium ctl`: it asks a running program to change, or for its
// counters.
func runControl(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
		fmt.Fprint(stdout, controlUsage)
		return exitDone
	}
	request, err := parseRequest(args)
	if err != nil {
		fmt.Fprintf(stderr, "medium: %v (medium ctl --help explains)\n", err)
		return exitUsage
	}
	answer, err := medium.Ask(ctx, args[0], request)
	if err != nil {
		fmt.Fprintf(stderr, "medium: %v\n", err)
		if refused := (*medium.RefusedError)(nil); errors.As(err, &refused) {
			return exitUsage
		}
		return exitOther
	}
	fmt.Fprint(stdout, answer)
	return exitDone
}

// parseRequest turns the arguments of `medium ctl` into a request.
func parseRequest(args []string) (string, error) {
	switch {
	case len(args) < 2:
		return "", errors.New("ctl needs the path of the control socket and what to do: stats, or words such as rate=5M")
	case len(args) == 2 && args[1] == requestStats:
		return requestStats, nil
	}
	if _, err := positionalWords(args[1:]); err != nil {
		return "", err
	}
	return requestChange + strings.Join(args[1:], " "), nil
}

// answer does what a request asks of the network.
func answer(n network, request string) (string, error) {
	if words, found := strings.CutPrefix(request, requestChange); found {
		changes, err := link.ParseChanges(words)
		if err == nil {
			err = n.Change(changes)
		}
		if err != nil {
			return "", err
		}
		return state(n), nil
	}
	if request != requestStats {
		return "", fmt.Errorf("%.40q is not a request; they are stats and change", request)
	}
	var text strings.Builder
	report(&text, n.Counters())
	return state(n) + text.String(), nil
}

// state says in one line what the links do now.
func state(n network) string {
	up, down := n.Links()
	return fmt.Sprintf("medium: up: %s; down: %s\n", describe(up), describe(down))
}
