package web

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"strings"
)

var (
	//go:embed status.html
	statusText string

	//go:embed status.js
	scriptText string

	// statusPage shows the status and keeps it up to date. It is one document:
	// it loads nothing but the events.
	statusPage = []byte(strings.NewReplacer("{{style}}", styleText, "{{script}}", scriptText).Replace(statusText))

	statusPolicy = "default-src 'none'; connect-src 'self'; img-src data:; style-src '" + sourceHash(styleText) +
		"'; script-src '" + sourceHash(scriptText) + "'; " + framePolicy
)

// sourceHash returns what a Content-Security-Policy names an inline style or
// script by.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
