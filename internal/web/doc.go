// Package web is the HTTP face of a server: it shows the folder that the server
// serves, for reading only, and what the server is doing. It speaks HTTP/1.1, and
// HTTP/2 with prior knowledge, by the standard library, without encryption.
//
// # Paths
//
//	/                the list of the files; ?after=NAME begins behind a name
//	/NAME            a file
//	/file/NAME       the same file
//	/status          what the server does now: JSON, or a page for a browser
//	/status/events   the same JSON as server-sent events, once a second and
//	                 when a transfer begins or ends
//
// The folder has no folders in it, as far as a peer is concerned, so a path of
// two elements never names a file; only a file called "status" is hidden by a path
// of ours. It is found at /file/status, and the list leads there.
//
// /status answers with the page where the client's Accept names text/html, as that
// of every browser does, and else with JSON; ?format=html and ?format=json
// overrule it. Downloads over HTTP are not in it: it is the account of what
// package transfer does.
//
// # What is served
//
// What the transfer of files by our own protocol serves: package store opens the
// files under an os.Root, by the same rules for names, links and hidden files.
// What is not to be had for any of these reasons is simply not found, so that
// nobody learns what else there is. GET and HEAD are the only methods.
//
// # What a stranger can do
//
// A file is another person's content under our origin. Each is sent with a content
// type that must not be guessed at, in the sandbox of a Content-Security-Policy:
// no script in it runs, so none can read /status. Other origins can read nothing:
// there are no CORS headers, and Cross-Origin-Resource-Policy keeps files out of
// other sites' pages. A page whose name is made to resolve to this machine (DNS
// rebinding) would be of the same origin: on a loopback address, which nobody
// else reaches, only requests for the names of this machine are answered. On
// other addresses everybody who reaches them may read all there is anyway.
//
// Connections, requests and readers of events are bounded, and whoever takes
// nothing for a minute is cut off; how long a download takes is not limited.
package web
