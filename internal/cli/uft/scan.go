package uft

import (
	"strings"

	"github.com/spf13/pflag"
)

// token is one part of a command line: a word or an option. Its value belongs
// to an option and is never a token of its own.
type token struct {
	text   string // the argument it stands in
	option string // the long name of an option, "" for a word
	// value is the value of an option if it stands in the argument after it.
	value    string
	detached bool
}

// unknown is the name of options that do not exist. It is not a possible name.
const unknown = "?"

// isWord reports whether the token is a word.
func (t token) isWord() bool { return t.option == "" }

// scan tells options, their values and words apart by the rules of the flag
// library, without acting on them: whether the first word is a command or a
// host depends on the options behind it, and a command has options of its own.
// Nothing is an error here.
func scan(flags *pflag.FlagSet, args []string) []token {
	var tokens []token
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			for _, word := range args[i+1:] {
				tokens = append(tokens, token{text: word})
			}
			return tokens
		case len(arg) < 2 || arg[0] != '-':
			tokens = append(tokens, token{text: arg})
			continue
		}
		var found []token
		if arg[1] == '-' {
			found = scanLong(flags, arg)
		} else {
			found = scanShort(flags, arg)
		}
		if last := &found[len(found)-1]; last.detached {
			i++
			if i < len(args) {
				last.value = args[i]
			} else {
				last.detached = false // the library says that it is missing
			}
		}
		tokens = append(tokens, found...)
	}
	return tokens
}

// scanLong reads --name or --name=value.
func scanLong(flags *pflag.FlagSet, arg string) []token {
	name, _, attached := strings.Cut(arg[2:], "=")
	flag := flags.Lookup(name)
	if name == "" || flag == nil {
		return []token{{text: arg, option: unknown}}
	}
	return []token{{text: arg, option: flag.Name, detached: !attached && takesValue(flag)}}
}

// scanShort reads a group of one-letter options, of which the last may take the
// rest of the argument as its value: -vt, -vtFILE, -vt=FILE.
func scanShort(flags *pflag.FlagSet, arg string) []token {
	var tokens []token
	for letters := arg[1:]; letters != ""; letters = letters[1:] {
		flag := (*pflag.Flag)(nil)
		if letters[0] < 0x80 { // the library looks up single bytes
			flag = flags.ShorthandLookup(letters[:1])
		}
		if flag == nil {
			return append(tokens, token{text: arg, option: unknown})
		}
		rest := letters[1:]
		tokens = append(tokens, token{text: arg, option: flag.Name, detached: rest == "" && takesValue(flag)})
		if takesValue(flag) || strings.HasPrefix(rest, "=") {
			break
		}
	}
	return tokens
}

// takesValue reports whether an option needs a value.
func takesValue(flag *pflag.Flag) bool { return flag.NoOptDefVal == "" }

// checkValues returns an error if an option stands where another one expects
// its value: the library would take `-t -p` for a file named "-p".
func checkValues(flags *pflag.FlagSet, tokens []token) error {
	for _, t := range tokens {
		if !t.detached || len(t.value) < 2 || t.value[0] != '-' {
			continue
		}
		if next := scan(flags, []string{t.value}); len(next) > 0 && next[0].option == unknown {
			continue // such as -1, or a file of an odd name
		}
		flag := flags.Lookup(t.option)
		return usageErrorf("%s needs a value, but the option %s follows; if that is the value, write --%s=%s",
			spelling(flag.Name, flag.Shorthand), t.value, flag.Name, t.value)
	}
	return nil
}
