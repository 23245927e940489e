package instant

import (
	"testing"
	"time"
)

func TestArithmetic(t *testing.T) {
	at := Time(3 * time.Second)
	if got := at.Add(500 * time.Millisecond); got != Time(3500*time.Millisecond) {
		t.Errorf("Add: %v", got)
	}
	if got := at.Add(-time.Second).Sub(at); got != -time.Second {
		t.Errorf("Sub: %v", got)
	}
	if !at.Before(at+1) || at.Before(at) || !at.After(at-1) || at.After(at) {
		t.Error("order")
	}
}

func TestNever(t *testing.T) {
	if got := Never.Add(time.Hour); got != Never {
		t.Errorf("Never plus an hour is %v", got)
	}
	if got := Never.Add(-time.Hour); got != Never {
		t.Errorf("an hour before Never is %v", got)
	}
	if Never.IsSet() || Time(0).IsSet() || !Time(1).IsSet() {
		t.Error("IsSet")
	}
}

func TestMin(t *testing.T) {
	if got := Min(Never, 7, 3, Never, 5); got != 3 {
		t.Errorf("Min: %v", got)
	}
	if got := Min(Never); got != Never {
		t.Errorf("Min of one: %v", got)
	}
}

func TestString(t *testing.T) {
	for at, want := range map[Time]string{Never: "never", Time(1500 * time.Millisecond): "1.500000s", 0: "0.000000s"} {
		if got := at.String(); got != want {
			t.Errorf("%d: %q, want %q", int64(at), got, want)
		}
	}
}
