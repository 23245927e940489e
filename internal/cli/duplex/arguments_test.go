package duplex

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestParseServer(t *testing.T) {
	tests := []struct {
		words []string
		want  arguments
	}{
		{[]string{"out", "4000"}, arguments{receive: "out", port: 4000}},
		{[]string{"in", "out", "4000"}, arguments{send: "in", receive: "out", port: 4000}},
		{[]string{"out", "0"}, arguments{receive: "out"}},
		{[]string{"a b/ç", "65535"}, arguments{receive: "a b/ç", port: 65535}},
		{[]string{"4000", "4000"}, arguments{receive: "4000", port: 4000}},
		{[]string{"--trace", "a.qlog", "out", "4000"}, arguments{receive: "out", port: 4000, trace: "a.qlog"}},
		{[]string{"-h"}, arguments{help: true}},
		{[]string{"out", "x", "--help", "4", "5"}, arguments{help: true}},
	}
	for _, test := range tests {
		if got, err := parseServer(test.words, &english); err != nil || got != test.want {
			t.Errorf("serveur %q: %+v, %v; want %+v", test.words, got, err, test.want)
		}
	}
}

func TestParseClient(t *testing.T) {
	tests := []struct {
		words []string
		want  arguments
	}{
		{[]string{"in", "127.0.0.1", "4000"}, arguments{send: "in", host: "127.0.0.1", port: 4000}},
		{[]string{"in", "out", "host.example", "1"}, arguments{send: "in", receive: "out", host: "host.example", port: 1}},
		{[]string{"in", "out", "::1", "4000", "4001"}, arguments{send: "in", receive: "out", host: "::1", port: 4000, localPort: 4001}},
		{[]string{"in", "out", "[fe80::1%eth0]", "4000", "0"}, arguments{send: "in", receive: "out", host: "fe80::1%eth0", port: 4000}},
		{[]string{"in", "hôte", "4000"}, arguments{send: "in", host: "hôte", port: 4000}},
		{[]string{"in", "host", "--trace=-", "4000"}, arguments{send: "in", host: "host", port: 4000, trace: "-"}},
		{[]string{"in", "host", "4000", "--trace", "--tcp"}, arguments{send: "in", host: "host", port: 4000, trace: "--tcp"}},
		{[]string{"--help"}, arguments{help: true}},
		{[]string{"in", "host", "4000", "-h"}, arguments{help: true}},
	}
	for _, test := range tests {
		if got, err := parseClient(test.words, &english); err != nil || got != test.want {
			t.Errorf("client %q: %+v, %v; want %+v", test.words, got, err, test.want)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	tests := []struct {
		program, words  string // words separated by "|"
		english, french string
	}{
		{"serveur", "", "nothing to do: write serveur FILE_TO_WRITE", "rien à faire : écrire serveur <fichier_recu> <port_local>, ou"},
		{"client", "", "nothing to do: write client FILE_TO_SEND", "rien à faire : écrire client <fichier_a_envoyer> <adr_IP_dist>"},
		{"serveur", "out", "the number of arguments, 1, does not fit: write serveur FILE", "le nombre d'arguments, 1, ne convient pas : écrire serveur <"},
		{"serveur", "in|out|4000|5", "the number of arguments, 4,", "le nombre d'arguments, 4,"},
		{"client", "in|host", "the number of arguments, 2,", "le nombre d'arguments, 2,"},
		{"client", "in|out|host|1|2|3", "the number of arguments, 6,", "le nombre d'arguments, 6,"},

		{"serveur", "out|http", `port "http": a port is a number from 0 to 65535`, `port "http" : un port est un nombre de 0 à 65535`},
		{"serveur", "out|65536", `port "65536"`, `port "65536"`},
		{"serveur", "out|", `port ""`, `port ""`},
		{"serveur", "in|out|4000x", `port "4000x"`, `port "4000x"`},
		{"client", "in|host|0", `port "0": a port is a number from 1 to 65535`, `port "0" : un port est un nombre de 1 à 65535`},
		{"client", "in|4000|127.0.0.1", `port "127.0.0.1"`, `port "127.0.0.1"`},
		{"client", "in|out|host|4000|x", `port "x": a port is a number from 0`, `port "x" : un port est un nombre de 0`},

		{"serveur", "out|4000|-q", "there is no option -q", "l'option -q n'existe pas"},
		{"client", "-l|0.1|in|host|4000", `there is no option -l; if it is a file, write "./-l"`, "l'option -l n'existe pas ; si c'est un fichier, écrire « ./-l »"},
		{"client", "in|host|4000|--tcp|--udp", "--tcp and --udp contradict each other", "--tcp et --udp se contredisent"},
		{"client", "in|host|4000|--seed|1|2", "there is no option --seed", "l'option --seed n'existe pas"},
		{"client", "-|host|4000", "there is no option -;", "l'option - n'existe pas"},
		{"client", "in|host|4000|--trace", "--trace needs a value after it", "--trace demande une valeur à sa suite"},
		{"serveur", "out|4000|--trace=", `"" cannot be the name of a file`, `"" ne peut pas être le nom d'un fichier`},

		{"serveur", "|4000", `"" cannot be the name of a file`, `"" ne peut pas être le nom d'un fichier`},
		{"serveur", "in|o\x00t|4000", `"o\x00t" cannot be`, `"o\x00t" ne peut`},
		{"client", "in||4000", `host "": this is neither a name nor an IP address`, `hôte "" : ce n'est ni un nom ni une adresse IP`},
		{"client", "in|ho st|4000", `host "ho st": this`, `hôte "ho st" : ce`},
		{"client", "in|[127.0.0.1]|4000", `host "[127.0.0.1]": this`, `hôte "[127.0.0.1]" : ce`},
		{"client", "in|::1::|4000", `host "::1::": this`, `hôte "::1::" : ce`},
		{"client", "in|host:4000|4000", `host "host:4000": the port is an argument of its own: host 4000`, `hôte "host:4000" : le port est un argument à part : host 4000`},
		{"client", "in|[::1]:4000|4000", "argument of its own: ::1 4000", "argument à part : ::1 4000"},
		{"client", "in|" + strings.Repeat("x", 255) + "|4000", "this is neither", "ce n'est ni"},
	}
	for _, test := range tests {
		parse := parseServer
		if test.program == "client" {
			parse = parseClient
		}
		var words []string
		if test.words != "" {
			words = strings.Split(test.words, "|")
		}
		for _, in := range []struct {
			t    *texts
			want string
		}{{&english, test.english}, {&french, test.french}} {
			_, err := parse(words, in.t)
			if err == nil || !strings.Contains(err.Error(), in.want) {
				t.Errorf("%s %q: %v, want %q", test.program, words, err, in.want)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	tests := []struct {
		all, messages, lang string
		want                *texts
	}{
		{"", "", "", &english},
		{"", "", "fr_FR.UTF-8", &french},
		{"", "", "fr", &french},
		{"", "", "FR_CA", &french},
		{"", "fr_FR", "en_US", &french},
		{"", "en_US", "fr_FR", &english},
		{"C", "fr_FR", "fr_FR", &english},
		{"fr_BE", "C", "C", &french},
		{"", "", "de_DE.UTF-8", &english},
	}
	for _, test := range tests {
		env := map[string]string{"LC_ALL": test.all, "LC_MESSAGES": test.messages, "LANG": test.lang}
		if got := languageOf(func(name string) string { return env[name] }); got != test.want {
			t.Errorf("%v: the wrong language", env)
		}
	}
}

// TestLanguagesAreEqual holds that no text is missing in one language, and that
// all take the same arguments in the same order.
func TestLanguagesAreEqual(t *testing.T) {
	verb := regexp.MustCompile(`%(\[\d+\])?[a-z]`)
	check := func(name, a, b string) {
		if a == "" || b == "" {
			t.Errorf("%s: %q and %q", name, a, b)
		}
		if strings.HasSuffix(name, "Help") {
			return
		}
		if x, y := verb.FindAllString(a, -1), verb.FindAllString(b, -1); !reflect.DeepEqual(x, y) {
			t.Errorf("%s: %q takes %v, %q takes %v", name, a, x, b, y)
		}
	}
	en, fr := reflect.ValueOf(english), reflect.ValueOf(french)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).Kind() == reflect.String {
			check(name, en.Field(i).String(), fr.Field(i).String())
			continue
		}
		for j := range en.Field(i).Len() {
			check(name, en.Field(i).Index(j).String(), fr.Field(i).Index(j).String())
		}
	}
}

func TestHelpFitsTheTerminal(t *testing.T) {
	for _, help := range []string{english.serverHelp, english.clientHelp, french.serverHelp, french.clientHelp} {
		for i, line := range strings.Split(help, "\n") {
			if n := len([]rune(line)); n > 80 {
				t.Errorf("line %d has %d columns: %s", i+1, n, line)
			}
		}
	}
}
