package duplex

// The codes by which two programs say why a transfer came to nothing
// (docs/protocol.md §12.2). Each has a text in every language.
const (
	codeNone = iota
	codeNotFound
	codePermission
	codeExists
	codeBadName
	codeHidden
	codeTooLarge
	codeNoSpace
	codeNotRegular
	codeNotServed
	codeMode
	codeIntegrity
	codeSourceChanged
	codeDisk
	codeCancelled
	codeUnsupported
	codeBusy
	codeProtocol
	codeRate
	codeInternal
)
