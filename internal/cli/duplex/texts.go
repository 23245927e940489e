package duplex

import "strings"

// languageOf chooses the language of the messages: French where the first of
// LC_ALL, LC_MESSAGES and LANG that is set asks for it (POSIX.1-2024 §8.2),
// else English. env looks up environment variables, as os.Getenv does.
func languageOf(env func(string) string) *texts {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := env(name); locale != "" {
			if strings.HasPrefix(strings.ToLower(locale), "fr") {
				return &french
			}
			return &english
		}
	}
	return &english
}

// texts is everything that the programs say, in one language. Fields with
// arguments are formats of package fmt; all languages take the same arguments
// in the same order.
type texts struct {
	serverHelp, clientHelp   string
	serverForms, clientForms string // the command lines, in a few words

	// What is wrong with the command line.
	usage       string // what is wrong, the program
	wrongNumber string // how many arguments there are, the forms
	noArguments string // the forms
	option      string // the argument
	noValue     string // the option
	badFile     string // the argument
	badPort     string // the argument, the lowest port
	badHost     string // the argument
	hostAndPort string // the argument, the host and the port apart
	sameFile    string // the one file
	sameTrace   string // the same

	bothCarriers string

	// What happens.
	listening string // the address
	connected string // the address of the peer
	overTCP   string // the same
	sent      string // the file, its size, the time, the rate, the hash
	received  string // the same
	already   string // the file, its size, the hash: the receiver had it before
	stray     string // why a connection came to nothing

	// What goes wrong.
	portInUse   string // the port
	noSocket    string // the cause
	noTrace     string // the cause
	badTrace    string // the cause
	shortTrace  string // how many events are missing
	noAnswer    string // the server, the time
	unknownHost string // the host
	unreachable string // the server, the cause
	silence     string // the time
	lost        string // the cause
	restarted   string
	mute        string
	left        string
	interrupted string
	mismatch    string // what this side does, what the other side does
	oneWay      string
	bothWays    string
	unknown     string // the file
	source      string // the file, the cause
	destination string // the file, the cause
	integrity   string // the file, the cause
	refused     string // the file, the cause
	failed      string // the file, the cause
	otherSide   string // what the other side says
	notAFolder  string
	reasons     [20]string // by the codes of docs/protocol.md §12.2
}
