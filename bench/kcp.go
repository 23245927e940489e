package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/xtaci/kcp-go/v5"
)

// kcpCopy is a file copy with kcp-go, set as kcptun sets it in its mode
// "fast3", with AES and without forward error correction, which a clean path
// has no use for.
var kcpCopy = subject{
	name: "kcp-go", role: encryptedPeer,
	about: "io.Copy of a file over kcp-go: AES, nodelay 1 10 2 1, windows of 2048 packets, MTU 1350, socket buffers 4 MiB, no FEC",
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		return workerCopy(ctx, r, n, "kcp")
	},
}

// kcpCipher is the cipher of both ends.
func kcpCipher() (kcp.BlockCrypt, error) { return kcp.NewAESBlockCrypt(make([]byte, 32)) }

// tuneKCP sets what kcptun sets.
func tuneKCP(session *kcp.UDPSession) {
	session.SetStreamMode(true) //lint:ignore SA1019 kcptun sets it, and nothing replaces it
	session.SetWriteDelay(false)
	session.SetNoDelay(1, 10, 2, 1)
	session.SetWindowSize(2048, 2048)
	session.SetMtu(1350)
	session.SetACKNoDelay(true)
}

// kcpSend is the client: the size, the file, and then it waits for one byte.
func kcpSend(address, path string) error {
	cipher, err := kcpCipher()
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	session, err := kcp.DialWithOptions(address, cipher, 0, 0)
	if err != nil {
		return err
	}
	defer session.Close()
	tuneKCP(session)
	if err := errors.Join(session.SetReadBuffer(4<<20), session.SetWriteBuffer(4<<20)); err != nil {
		return err
	}
	if _, err := session.Write(binary.BigEndian.AppendUint64(nil, uint64(info.Size()))); err != nil {
		return err
	}
	if err := copyStream(session, file); err != nil {
		return err
	}
	_, err = io.ReadFull(session, make([]byte, 1))
	return err
}

// kcpReceive is the server, for one file.
func kcpReceive(address, path string) error {
	cipher, err := kcpCipher()
	if err != nil {
		return err
	}
	listener, err := kcp.ListenWithOptions(address, cipher, 0, 0)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := errors.Join(listener.SetReadBuffer(4<<20), listener.SetWriteBuffer(4<<20)); err != nil {
		return err
	}
	session, err := listener.AcceptKCP()
	if err != nil {
		return err
	}
	defer session.Close()
	tuneKCP(session)
	var size [8]byte
	if _, err := io.ReadFull(session, size[:]); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = copyStream(file, io.LimitReader(session, int64(binary.BigEndian.Uint64(size[:]))))
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if _, err := session.Write([]byte{1}); err != nil {
		return err
	}
	// Nothing says when the byte has arrived. The session repeats it until the
	// bench, which sees the client end, ends this process.
	time.Sleep(workerLimit)
	return nil
}
