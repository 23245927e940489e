package uft

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/transport"
)

const goodFingerprint = "SHA256:BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k"

// serving returns the command of a server with all defaults, changed by edit.
func serving(edit func(*Command)) Command {
	c := Command{Action: Serve, Port: DefaultPort, IdleTimeout: DefaultIdleTimeout, Dir: "."}
	edit(&c)
	return c
}

// sending returns the command that sends files to host, changed by edit.
func sending(host string, files []string, edit ...func(*Command)) Command {
	c := Command{
		Action: Send, Host: host, Files: files, Port: DefaultPort,
		Timeout: DefaultTimeout, IdleTimeout: DefaultIdleTimeout,
	}
	for _, e := range edit {
		e(&c)
	}
	return c
}

// fetching returns the command that requests files from host, changed by edit.
func fetching(host string, files []string, edit ...func(*Command)) Command {
	c := sending(host, files)
	c.Action, c.Dir = Fetch, "."
	for _, e := range edit {
		e(&c)
	}
	return c
}

func TestParse(t *testing.T) {
	f := []string{"f"}
	tests := []struct {
		args string // separated by spaces
		want Command
	}{
		// Servers.
		{"-a", serving(func(c *Command) { c.Accept = true })},
		{"-s", serving(func(c *Command) { c.Serve = true })},
		{"-as", serving(func(c *Command) { c.Accept, c.Serve = true, true })},
		{"--accept --serve", serving(func(c *Command) { c.Accept, c.Serve = true, true })},
		{"-a -p 5000", serving(func(c *Command) { c.Accept, c.Port = true, 5000 })},
		{"-ap5000", serving(func(c *Command) { c.Accept, c.Port = true, 5000 })},
		{"-a --port=0", serving(func(c *Command) { c.Accept, c.Port = true, 0 })},
		{"-p 5000 -l 0.25 -s", serving(func(c *Command) { c.Serve, c.Port, c.Loss = true, 5000, 0.25 })},
		{"-s -d /srv", serving(func(c *Command) { c.Serve, c.Dir = true, "/srv" })},
		{"-a --overwrite --hidden --max-size 10M --key k --seed 7 -q", serving(func(c *Command) {
			c.Accept, c.Overwrite, c.Hidden, c.MaxSize, c.Key = true, true, true, 10<<20, "k"
			c.Seed, c.Seeded, c.Quiet = 7, true, true
		})},
		{"-a -v --idle-timeout 5m", serving(func(c *Command) { c.Accept, c.Verbose, c.IdleTimeout = true, true, 5*time.Minute })},

		{"-s --http 8080", serving(func(c *Command) { c.Serve, c.HTTP = true, ":8080" })},
		{"-as --http :8080", serving(func(c *Command) { c.Accept, c.Serve, c.HTTP = true, true, ":8080" })},
		{"-s --http 0", serving(func(c *Command) { c.Serve, c.HTTP = true, ":0" })},
		{"-s --http 127.0.0.1:80", serving(func(c *Command) { c.Serve, c.HTTP = true, "127.0.0.1:80" })},
		{"-s --http=[::1]:80", serving(func(c *Command) { c.Serve, c.HTTP = true, "[::1]:80" })},
		{"-s --http files.example.org:80", serving(func(c *Command) { c.Serve, c.HTTP = true, "files.example.org:80" })},
		{"-s --block-size auto", serving(func(c *Command) { c.Serve, c.BlockSize = true, transport.AutoBlockSize })},
		{"-a --block-size 8192", serving(func(c *Command) { c.Accept, c.BlockSize = true, 8192 })},
		{"-s --tcp", serving(func(c *Command) { c.Serve, c.Carrier = true, transport.TCP })},
		{"-a --udp -l 0.1", serving(func(c *Command) { c.Accept, c.Carrier, c.Loss = true, transport.UDP, 0.1 })},

		// Sending.
		{"host --tcp -t f", sending("host", f, func(c *Command) { c.Carrier = transport.TCP })},
		{"host -t f --tcp -l 0", sending("host", f, func(c *Command) { c.Carrier = transport.TCP })},
		{"--udp host -t f", sending("host", f, func(c *Command) { c.Carrier = transport.UDP })},
		{"host -t f --block-size 1400", sending("host", f, func(c *Command) { c.BlockSize = 1400 })},
		{"host -t f --block-size=32K", sending("host", f, func(c *Command) { c.BlockSize = 32 << 10 })},
		{"host -t f --block-size 65447", sending("host", f, func(c *Command) { c.BlockSize = 65447 })},
		{"host -r f --block-size auto", fetching("host", f, func(c *Command) { c.BlockSize = transport.AutoBlockSize })},
		{"host -t f", sending("host", f)},
		{"-t f host", sending("host", f)},
		{"host --transmit f", sending("host", f)},
		{"host --transmit=f", sending("host", f)},
		{"host -tf", sending("host", f)},
		{"host -t=f", sending("host", f)},
		{"host -qtf", sending("host", f, func(c *Command) { c.Quiet = true })},
		{"host -t a b c", sending("host", []string{"a", "b", "c"})},
		{"-t a host b c", sending("host", []string{"a", "b", "c"})},
		{"host b -t a c", sending("host", []string{"a", "b", "c"})},
		{"host -p 5000 -l 0.1 -b 2500000 -t f", sending("host", f, func(c *Command) { c.Port, c.Loss, c.Bitrate = 5000, 0.1, 2500000 })},
		{"host -b 10M -t f", sending("host", f, func(c *Command) { c.Bitrate = 10_000_000 })},
		{"host -b 1.5Gbit/s -t f", sending("host", f, func(c *Command) { c.Bitrate = 1_500_000_000 })},
		{"host -b 8k -t f", sending("host", f, func(c *Command) { c.Bitrate = 8000 })},
		{"host -t f --mode background", sending("host", f, func(c *Command) { c.Background = true })},
		{"host -t f --mode=default -b 8k", sending("host", f, func(c *Command) { c.Bitrate = 8000 })},
		{"host -r f --mode background", fetching("host", f, func(c *Command) { c.Background = true })},
		{"host -t f -l 0", sending("host", f)},
		{"host -t f -l 1.0", sending("host", f, func(c *Command) { c.Loss = 1 })},
		{"host -t f -l 1 -l 0.5", sending("host", f, func(c *Command) { c.Loss = 0.5 })},
		{"host -t -", sending("host", []string{"-"}, func(c *Command) { c.StdinName = "stdin" })},
		{"host -t - --name n", sending("host", []string{"-"}, func(c *Command) { c.StdinName = "n" })},
		{"host -t a - b", sending("host", []string{"a", "-", "b"}, func(c *Command) { c.StdinName = "stdin" })},
		{"host -t f -- -x", sending("host", []string{"f", "-x"})},
		{"host --transmit=-x", sending("host", []string{"-x"})},
		{"host --transmit=-p", sending("host", []string{"-p"})},
		{"host -t -1.txt", sending("host", []string{"-1.txt"})},
		{"host -t f --fingerprint " + goodFingerprint, sending("host", f, func(c *Command) { c.Fingerprint = goodFingerprint })},
		{"host -t f --known-hosts k --timeout 3 --idle-timeout 1.5m --seed 18446744073709551615 -v", sending("host", f, func(c *Command) {
			c.KnownHosts, c.Timeout, c.IdleTimeout = "k", 3*time.Second, 90*time.Second
			c.Seed, c.Seeded, c.Verbose = 1<<64-1, true, true
		})},

		// Hosts, among them some with the name of a command.
		{"192.0.2.1 -t f", sending("192.0.2.1", f)},
		{"::1 -t f", sending("::1", f)},
		{"[2001:db8::1] -t f", sending("2001:db8::1", f)},
		{"fe80::1%eth0 -t f", sending("fe80::1%eth0", f)},
		{"[fe80::1%eth0] -t f", sending("fe80::1%eth0", f)},
		{"Host-1.Example.org. -t f", sending("Host-1.Example.org.", f)},
		{"version -t f", sending("version", f)},
		{"version host -t f", sending("version", []string{"f", "host"})},
		{"hash --transmit=f", sending("hash", f)},
		{"hash -tf", sending("hash", f)},
		{"help -r f", fetching("help", f)},

		// Requesting.
		{"host -r f", fetching("host", f)},
		{"-rf host", fetching("host", f)},
		{"host -r a b c -d dir", fetching("host", []string{"a", "b", "c"}, func(c *Command) { c.Dir = "dir" })},
		{"host -r f -o path", fetching("host", f, func(c *Command) { c.Output, c.Dir = "path", "" })},
		{"host -r f -o -", fetching("host", f, func(c *Command) { c.Output, c.Dir = "-", "" })},
		{"host -r f --tcp", fetching("host", f, func(c *Command) { c.Carrier = transport.TCP })},
		{"host -b 1M -r f --overwrite --hidden --max-size 5", fetching("host", f, func(c *Command) {
			c.Bitrate, c.Overwrite, c.Hidden, c.MaxSize = 1_000_000, true, true, 5
		})},

		// Commands.
		{"help", Command{Action: Help}},
		{"-h", Command{Action: Help}},
		{"--help", Command{Action: Help}},
		{"host -t f -p x -h", Command{Action: Help}},
		{"hash --help", Command{Action: Help}},
		{"version", Command{Action: Version}},
		{"hash a b", Command{Action: Hash, Files: []string{"a", "b"}}},
		{"hash -- -t", Command{Action: Hash, Files: []string{"-t"}}},
		{"hash -", Command{Action: Hash, Files: []string{"-"}}},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			got, err := Parse(strings.Fields(test.args))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		args string // separated by spaces; '' is an empty argument
		want string
	}{
		{"", "nothing to do"},
		{"-q", "nothing to do"},
		{"--accept=false", "nothing to do"},
		{"host", `no command "host"; if it is a host: did you forget -t FILE or -r NAME?`},
		{"host -p 5000 -b 1M", "did you forget -t FILE or -r NAME?"},
		{"host -- -t", "did you forget -t FILE or -r NAME?"},
		{"-p 5000 host", `no command "host"`},
		{"version x", `uft version takes nothing after it, but there is "x"`},
		{"version -q", "uft version takes no options, but there is -q"},
		{"hash", "uft hash needs a file"},
		{"hash -x f", "uft hash takes no options, but there is -x"},
		{"hash - -", "read only once"},

		{"-a host", `a server (-a, -s) takes no host and no files, but there is "host"`},
		{"-a -b 1M", "-b, --bitrate has no meaning for a server (-a, -s): it belongs to a client (-t, -r)"},
		{"-a --mode background", "--mode has no meaning for a server (-a, -s): it belongs to a client (-t, -r)"},
		{"host -t f --mode quick", `--mode "quick": a mode is default, or background: use only what everybody else leaves`},
		{"host -t f --mode background -b 1M", "-b sends at its rate whatever others need, --mode background yields to them"},
		{"-a --fingerprint " + goodFingerprint, "--fingerprint has no meaning for a server"},
		{"-s -o x", "-o, --output has no meaning for a server (-a, -s): it belongs to requesting (-r)"},
		{"-s --name x", "--name has no meaning for a server (-a, -s): it belongs to sending (-t)"},
		{"-s --timeout 1s", "--timeout has no meaning for a server"},
		{"-a --key ''", "--key \"\": the name is empty"},
		{"-a=x", `-a, --accept takes no value, but there is "x"`},

		{"-a --http 8080", "--http shows the folder to be read: that needs -s"},
		{"-s --http", "--http needs a value"},
		{"-s --http ''", "--http \"\": write a port, or an address and a port"},
		{"-s --http host", "--http \"host\": write a port"},
		{"-s --http host:", "write a port"},
		{"-s --http 65536", "write a port"},
		{"-s --http ::1", "write a port, or an address and a port: 8080, 127.0.0.1:8080, [::1]:8080"},
		{"-s --http http://localhost:80/", "write a port"},
		{"-s --http a/b:80", "this is a path"},
		{"host -t f --http 8080", "--http has no meaning for sending (-t): it belongs to a server"},
		{"host -t f --tcp --udp", "--udp and --tcp each forbid the other"},
		{"-s --udp --tcp", "--udp and --tcp each forbid the other"},
		{"host -t f --tcp -l 0.1", "-l simulates the loss of datagrams, which needs UDP"},
		{"-a --tcp -l 1", "TCP would repeat what is lost"},

		{"host -t f --block-size 64K", `--block-size "64K": a block size is auto, or a number of bytes from 1024 to 65447, such as 1400, 8192 or 32K`},
		{"host -t f --block-size 1023", "a block size is auto, or a number of bytes from 1024"},
		{"host -t f --block-size -1", "a block size is auto"},
		{"host -t f --block-size 0", "a block size is auto"},
		{"host -t f --block-size AUTO", "a block size is auto"},
		{"host -t f --block-size ''", "a block size is auto"},
		{"host -t f --block-size", "--block-size needs a value"},
		{"host -t f --tcp --block-size auto", "--block-size is about datagrams, which needs UDP"},

		{"host -a -t f", "-a and -s start a server"},
		{"host -t f -r g", "-t sends and -r requests: choose one"},
		{"host -t a -t b", "-t is there twice"},
		{"host -r a -r b", "-r is there twice"},
		{"-t f", "no host: write uft HOST -t f"},
		{"-r f", "no host: write uft HOST -r f"},
		{"host -t", "-t, --transmit needs a value"},
		{"host -t ''", `-t, --transmit "": the name is empty`},
		{"host --transmit=", `-t, --transmit "": the name is empty`},
		{"host -t f ''", "a file name is empty"},
		{"host -t -p 5000 f", "-t, --transmit needs a value, but the option -p follows; if that is the value, write --transmit=-p"},
		{"host -t --loss=1", "the option --loss=1 follows"},
		{"host -t - -", "read only once"},
		{"host -t f --name n", "--name names standard input"},
		{"host -t f -d x", "-d, --dir has no meaning for sending (-t)"},
		{"host -t f --overwrite", "it belongs to the side that writes or serves (-r, or the server)"},
		{"host -t f --key k", "--key has no meaning for sending (-t)"},
		{"host -r -", "-r needs the name of a file at the server"},
		{"host -r a b -o x", "-o names a single file, but 2 are requested"},
		{"host -r a -o x -d y", "-o and -d both"},
		{"host -t f -q -v", "-q and -v contradict"},
		{"host -t f --frob", "there is no option --frob"},
		{"host -t f -z", "there is no option -z"},
		{"host -t f -qz", "there is no option -z"},
		{"host -t f ---", "---"},

		{"host -t f -p 0", "-p 0 lets a server choose"},
		{"host -t f -p 65536", `-p, --port "65536": a port is a number from 0 to 65535`},
		{"host -t f -p -1", `"-1": a port is`},
		{"host -t f -p http", "a port is"},
		{"host -t f -p", "-p, --port needs a value"},
		{"host -t f -l nan", "a loss rate is a number from 0.0 to 1.0"},
		{"host -t f -l -0.1", `-l, --loss "-0.1": a loss rate`},
		{"host -t f -l 1.0001", "a loss rate"},
		{"host -t f -l inf", "a loss rate"},
		{"host -t f -l 10%", "a loss rate"},
		{"host -t f -b 7999", `-b, --bitrate "7999": the lowest rate is 8 kbit/s`},
		{"host -t f -b fast", `-b, --bitrate "fast": write a number of bit/s`},
		{"host -t f -b -1M", "-b, --bitrate \"-1M\": write a number"},
		{"host -t f --seed -1", "a seed is a whole number"},
		{"host -r f --max-size 0", "a size is a number of bytes above 0"},
		{"host -t f --timeout 0", "a time is a number above 0"},
		{"host -t f --timeout soon", "a time is"},
		{"host -t f --fingerprint MD5:x", "a fingerprint starts with SHA256:"},

		{"'' -t f", `host "": the name is empty`},
		{"host:5000 -t f", `host "host:5000": the port is written apart: host -p 5000`},
		{"[::1]:5000 -t f", "the port is written apart: ::1 -p 5000"},
		{"[::1 -t f", "brackets hold an IPv6 address"},
		{"[host] -t f", "brackets hold an IPv6 address"},
		{"::zz -t f", "neither a name nor an IPv6 address"},
		{"me@host -t f", "there are no user names here"},
		{"a/b -t f", "this is a path"},
		{strings.Repeat("h", 255) + " -t f", "longer than any host's"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			args := strings.Fields(test.args)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "''", "")
			}
			got, err := Parse(args)
			var usage *UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("Parse = %+v, %v; want a usage error", got, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if Code(err) != exit.Usage {
				t.Errorf("exit code %d, want %d", Code(err), exit.Usage)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "500000": 500_000, "500000B": 500_000, "10k": 10 << 10, "10K": 10 << 10, "10M": 10 << 20,
		"10MiB": 10 << 20, "10MB": 10_000_000, "2.5GiB": 5 << 29, "1 T": 1 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "M", "1X", "1KX", "nan", "inf", "1Mbit", "16E", "0.1", "1é", "1e3"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d", text, got)
		}
	}
}

// lenient returns the options of the program with values that are always
// right, so that only the shape of a command line counts.
func lenient() *pflag.FlagSet {
	list := options(&Command{}, &given{})
	for i := range list {
		if list[i].toggle == nil {
			list[i].take = func(string) error { return nil }
		}
	}
	return flagSet(list)
}

// FuzzScan holds our reading of a command line against the flag library's.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"host -t f", "-vta", "-t=a x -- -t", "--transmit=a -p 5 y", "-", "-p", "-q=true z", "--port", "-vz", "-tq -q", "--t=", "-é",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		flags := lenient()
		tokens := scan(flags, args)
		if err := flags.Parse(args); err != nil {
			return
		}
		var words []string
		given := map[string]bool{}
		for _, token := range tokens {
			if token.isWord() {
				words = append(words, token.text)
			} else {
				given[token.option] = true
			}
		}
		if !slices.Equal(words, flags.Args()) {
			t.Errorf("%q: words %q, the library says %q", args, words, flags.Args())
		}
		flags.VisitAll(func(flag *pflag.Flag) {
			if given[flag.Name] != flag.Changed {
				t.Errorf("%q: option %s given %v, the library says %v", args, flag.Name, given[flag.Name], flag.Changed)
			}
		})
	})
}

// FuzzParse checks that every command line is either a usage error or a
// command that can be carried out.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"-as", "host -t f", "host -r a b -d x", "hash x", "help", "host -t - --name n -l 0.5 -b 1M -p 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(strings.Split(line, " "))
		if err != nil {
			if Code(err) != exit.Usage || c.Action != 0 {
				t.Errorf("error %v, command %+v", err, c)
			}
			return
		}
		isClient := c.Action == Send || c.Action == Fetch
		switch {
		case c.Action < Help || c.Action > Fetch:
			t.Errorf("no action: %+v", c)
		case isClient != (c.Host != ""), isClient && c.Port == 0, isClient && c.Timeout <= 0:
			t.Errorf("host, port or timeout: %+v", c)
		case (c.Action == Serve) != (c.Accept || c.Serve):
			t.Errorf("a server that does nothing: %+v", c)
		case (isClient || c.Action == Hash) != (len(c.Files) > 0):
			t.Errorf("files: %+v", c)
		case c.HTTP != "" && !c.Serve, c.Carrier == transport.TCP && c.Loss > 0:
			t.Errorf("HTTP or carrier: %+v", c)
		case c.Bitrate != 0 && c.Bitrate < MinBitrate, !(c.Loss >= 0 && c.Loss <= 1), c.MaxSize < 0:
			t.Errorf("a value out of its range: %+v", c)
		}
	})
}
