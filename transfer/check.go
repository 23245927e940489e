package transfer

import "example.com/uft/internal/xfer"

// Check reports whether the source can be opened now, so that a program can
// say so before it looks for a server. A Reader is not touched. The error is an
// *Error of KindSource.
func (s *Source) Check() error {
	if s.Reader != nil {
		return nil
	}
	source, err := s.open()
	if err != nil {
		return failureError(s.name(), &xfer.Failure{Code: sourceCode(err)}, true, err)
	}
	source.close()
	return nil
}
