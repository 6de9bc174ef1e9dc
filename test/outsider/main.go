// Outsider reads and verifies a served log with code that this project did not write: tessera's fsck over
// HTTP, Go's own signed notes, and, given an entry with its proof, the inclusion proof of that entry.
// It prints one JSON document of what it found, and ends with status 1 and one line when anything is wrong.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

type found struct {
	Origin    string   `json:"origin"`
	Size      uint64   `json:"size"`
	Root      string   `json:"root"`
	Cosigners []string `json:"cosigners"`
	Records   []string `json:"records"`
	Entry     *uint64  `json:"entry"`
}

type words []string

func (w *words) String() string     { return strings.Join(*w, " ") }
func (w *words) Set(v string) error { *w = append(*w, v); return nil }

func main() {
	base := flag.String("url", "", "the prefix of the log, ending in a slash")
	vkey := flag.String("log", "", "the verifier key of the log")
	entryFile := flag.String("entry", "", "the exact bytes of one entry")
	proofFile := flag.String("proof", "", "the tlog-proof of that entry")
	var witnesses words
	flag.Var(&witnesses, "witness", "the verifier key of a witness; may be given again")
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(os.Stderr)
	answer, err := look(*base, *vkey, witnesses, *entryFile, *proofFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(1)
	}
}

func look(base, vkey string, witnesses words, entryFile, proofFile string) (*found, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	root, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	fetcher, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	if err := fsck.New(verifier.Name(), verifier, fetcher, hashBundle, fsck.Opts{N: 4}).Check(ctx); err != nil {
		return nil, fmt.Errorf("fsck: %w", err)
	}
	raw, err := fetcher.ReadCheckpoint(ctx)
	if err != nil {
		return nil, err
	}
	cp, cosigners, err := openCheckpoint(raw, verifier, witnesses)
	if err != nil {
		return nil, err
	}
	answer := &found{
		Origin: cp.Origin, Size: cp.Size, Root: base64.StdEncoding.EncodeToString(cp.Hash), Cosigners: cosigners,
	}
	getSize := func(context.Context) (uint64, error) { return cp.Size, nil }
	for bundle, err := range client.EntryBundles(ctx, 4, getSize, fetcher.ReadEntryBundle, 0, cp.Size) {
		if err != nil {
			return nil, err
		}
		records, err := recordsIn(bundle.Data)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			answer.Records = append(answer.Records, string(record))
		}
	}
	if entryFile != "" {
		index, err := provenEntry(entryFile, proofFile, verifier, witnesses)
		if err != nil {
			return nil, err
		}
		answer.Entry = &index
	}
	return answer, nil
}

// openCheckpoint asks for the log's own signature, and names the witnesses whose cosignatures verify.
func openCheckpoint(raw []byte, verifier note.Verifier, witnesses words) (*log.Checkpoint, []string, error) {
	known := []note.Verifier{}
	for _, vkey := range witnesses {
		witness, err := fnote.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return nil, nil, err
		}
		known = append(known, witness)
	}
	cp, _, opened, err := log.ParseCheckpoint(raw, verifier.Name(), verifier, known...)
	if err != nil {
		return nil, nil, err
	}
	cosigners := []string{}
	for _, signature := range opened.Sigs {
		if signature.Name == verifier.Name() && signature.Hash == verifier.KeyHash() {
			continue
		}
		if _, err := fnote.CoSigV1Timestamp(signature); err != nil {
			return nil, nil, err
		}
		cosigners = append(cosigners, signature.Name)
	}
	return cp, cosigners, nil
}

func recordsIn(bundle []byte) ([][]byte, error) {
	read := api.EntryBundle{}
	if err := read.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	return read.Entries, nil
}

func hashBundle(bundle []byte) ([][]byte, error) {
	records, err := recordsIn(bundle)
	hashes := make([][]byte, 0, len(records))
	for _, record := range records {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(record))
	}
	return hashes, err
}

// provenEntry checks, from the two files alone, that the log has this entry (C2SP tlog-proof).
func provenEntry(entryFile, proofFile string, verifier note.Verifier, witnesses words) (uint64, error) {
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(proofFile)
	if err != nil {
		return 0, err
	}
	head, checkpoint, split := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !split || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, fmt.Errorf("not a tlog-proof")
	}
	index, err := strconv.ParseUint(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, err
	}
	hashes := [][]byte{}
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return 0, err
		}
		hashes = append(hashes, hash)
	}
	cp, _, err := openCheckpoint([]byte(checkpoint), verifier, witnesses)
	if err != nil {
		return 0, err
	}
	commitment := sha256.Sum256(append([]byte{0}, entry...))
	leaf := rfc6962.DefaultHasher.HashLeaf([]byte(fmt.Sprintf(`{"entry":"sha256:%x","v":1}`, commitment)))
	return index, proof.VerifyInclusion(rfc6962.DefaultHasher, index, cp.Size, leaf, hashes, cp.Hash)
}
