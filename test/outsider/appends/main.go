// appends: how fast tessera's POSIX storage takes entries on this disk, and how long one takes to a published checkpoint.
//
//	go run ./appends <empty folder> <entries> <bytes of an entry> <writers>
//
// One JSON object on stdout: entries per second until the last one is in a published checkpoint, and the
// milliseconds of single entries until theirs is.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const singles = 20

type measured struct {
	PerSecond float64   `json:"perSecond"`
	ProofMs   []float64 `json:"proofMs"`
}

func main() {
	found, err := measure(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

func measure(words []string) (*measured, error) {
	if len(words) != 4 {
		return nil, fmt.Errorf("usage: appends <folder> <entries> <bytes> <writers>")
	}
	var counts [3]int
	for i, word := range words[1:] {
		count, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		counts[i] = count
	}
	entries, size, writers := counts[0], counts[1], counts[2]
	ctx := context.Background()
	appender, shutdown, await, err := open(ctx, words[0])
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var group sync.WaitGroup
	failed := make(chan error, writers)
	for range writers {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := write(ctx, appender, await, entries/writers, size); err != nil {
				failed <- err
			}
		}()
	}
	group.Wait()
	perSecond := float64(entries) / time.Since(began).Seconds()
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	found := &measured{PerSecond: perSecond}
	for range singles {
		sent := time.Now()
		if _, _, err := await.Await(ctx, appender.Add(ctx, tessera.NewEntry(random(size)))); err != nil {
			return nil, err
		}
		found.ProofMs = append(found.ProofMs, float64(time.Since(sent).Microseconds())/1000)
	}
	return found, shutdown(ctx)
}

func open(ctx context.Context, dir string) (*tessera.Appender, func(context.Context) error, *tessera.PublicationAwaiter, error) {
	key, _, err := note.GenerateKey(rand.Reader, "bench.test/tessera")
	if err != nil {
		return nil, nil, nil, err
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		return nil, nil, nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, nil, nil, err
	}
	// The shortest interval between checkpoints that tessera takes.
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(256, 5*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, nil, nil, err
	}
	return appender, shutdown, tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 5*time.Millisecond), nil
}

// Every writer has as many entries under way as tessera's batches hold, and waits for the last one's checkpoint.
func write(ctx context.Context, appender *tessera.Appender, await *tessera.PublicationAwaiter, entries, size int) error {
	var last tessera.IndexFuture
	waiting := make([]tessera.IndexFuture, 0, 256)
	for range entries {
		last = appender.Add(ctx, tessera.NewEntry(random(size)))
		waiting = append(waiting, last)
		if len(waiting) < cap(waiting) {
			continue
		}
		for _, future := range waiting {
			if _, err := future(); err != nil {
				return err
			}
		}
		waiting = waiting[:0]
	}
	_, _, err := await.Await(ctx, last)
	return err
}

func random(size int) []byte {
	bytes := make([]byte, size)
	_, _ = rand.Read(bytes)
	return bytes
}
