package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A series is what one subject did on one network, round by round.
type series struct {
	subject subject
	network string
	results []result
	failure string // of the last round that failed
}

// measureFiles is the case files: one large file, by everything that there is.
func measureFiles(ctx context.Context, r *rig, doc *report) error {
	if err := r.makeSource(ctx); err != nil {
		return err
	}
	chosen := chooseSubjects(r)
	// The first transfer of a run is not like the others.
	for _, n := range r.networks {
		if _, err := uftSend.run(ctx, r, n); err != nil {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	var all []*series
	for round := range r.rounds {
		for i, n := range r.networks {
			for j, s := range chosen {
				if round == 0 {
					all = append(all, &series{subject: s, network: n.name})
				}
				at := all[i*len(chosen)+j]
				if err := at.measure(ctx, r, n, round+1); err != nil {
					return err
				}
			}
		}
	}
	doc.files(all)
	return nil
}

// chooseSubjects returns what --only names, without what cannot be had.
func chooseSubjects(r *rig) []subject {
	var chosen []subject
	for _, s := range subjects {
		if (len(r.only) == 0 || slices.Contains(r.only, s.name)) && s.available(r) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// measure makes one transfer and prints a line about it. Only the end of the
// whole run is an error: a subject that fails is reported as that. One that
// was too slow is not tried again.
func (s *series) measure(ctx context.Context, r *rig, n network, round int) error {
	if s.failure != "" && len(s.results) == 0 {
		return nil
	}
	if err := r.emptyCopies(); err != nil {
		return err
	}
	res, err := s.subject.run(ctx, r, n)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	head := fmt.Sprintf("%-8s round %d  %-9s ", n.name, round, s.subject.name)
	if err != nil {
		s.failure = err.Error()
		if !errors.Is(err, errTooSlow) {
			s.failure = "failed: " + s.failure
		}
		fmt.Println(head, s.failure)
		return nil
	}
	s.results = append(s.results, res)
	fmt.Printf("%s %6.2f Gbit/s  %5.2f CPU s/GiB (%.2f + %.2f)  %3d + %3d MiB  %s\n", head, res.gbits(), res.cpuPerGiB(),
		res.perGiB(res.client), res.perGiB(res.server), res.client.memory>>20, res.server.memory>>20, res.note)
	return nil
}

// middle returns the result with the median goodput; of two, the better one.
func (s *series) middle() result {
	sorted := slices.SortedFunc(slices.Values(s.results), func(a, b result) int { return cmp.Compare(a.gbits(), b.gbits()) })
	return sorted[len(sorted)/2]
}

// goodput returns the median in Gbit/s, 0 if there is none.
func (s *series) goodput() float64 { return median(s.results, result.gbits) }

// median returns the median of a figure of the results.
func median[T any](results []T, figure func(T) float64) float64 {
	if len(results) == 0 {
		return 0
	}
	figures := make([]float64, len(results))
	for i, r := range results {
		figures[i] = figure(r)
	}
	slices.Sort(figures)
	half := len(figures) / 2
	if len(figures)%2 == 1 {
		return figures[half]
	}
	return (figures[half-1] + figures[half]) / 2
}

// most returns the largest of a figure.
func most[T any](results []T, figure func(T) int64) int64 {
	var largest int64
	for _, r := range results {
		largest = max(largest, figure(r))
	}
	return largest
}

// milliseconds is a figure for median.
func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
