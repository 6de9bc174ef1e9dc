// Writes go.json, the answers of an independent implementation:
// golang.org/x/mod v0.31.0 (sumdb/note, sumdb/tlog) and filippo.io/torchwood v0.9.0.
// Run with these two required in a go.mod: go run . > go.json
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	large  = 70000
	small  = 130
	origin = "ledger.example/countersign"
)

var stored []tlog.Hash

var reader = tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		out[i] = stored[x]
	}
	return out, nil
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func signer(name string, fill byte) (note.Signer, string, []byte) {
	seed := bytes.Repeat([]byte{fill}, 32)
	key := ed25519.NewKeyFromSeed(seed)
	typed := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
	vkey := must(note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey)))
	id := sha256.Sum256(append([]byte(name+"\n"), typed...))
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, binary.BigEndian.Uint32(id[:4]),
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	return must(note.NewSigner(skey)), vkey, seed
}

func hexes(hashes []tlog.Hash) []string {
	out := []string{}
	for _, h := range hashes {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

func main() {
	for i := int64(0); i < large; i++ {
		add := must(tlog.StoredHashes(i, []byte(fmt.Sprintf("entry %d", i)), reader))
		stored = append(stored, add...)
	}
	out := map[string]any{"large": large, "small": small, "origin": origin}

	roots := map[string]string{}
	for _, n := range []int64{1, 2, 3, 255, 256, 257, 65535, 65536, 65537, large} {
		h := must(tlog.TreeHash(n, reader))
		roots[fmt.Sprint(n)] = hex.EncodeToString(h[:])
	}
	out["roots"] = roots

	// Every proof of every tree up to `small` leaves, in one digest.
	inclusions, consistencies := sha256.New(), sha256.New()
	for n := int64(1); n <= small; n++ {
		for i := int64(0); i < n; i++ {
			for _, h := range must(tlog.ProveRecord(n, i, reader)) {
				inclusions.Write(h[:])
			}
			for _, h := range must(tlog.ProveTree(n, i+1, reader)) {
				consistencies.Write(h[:])
			}
		}
	}
	out["inclusions"] = hex.EncodeToString(inclusions.Sum(nil))
	out["consistencies"] = hex.EncodeToString(consistencies.Sum(nil))

	type proof struct {
		From  int64    `json:"from"`
		Size  int64    `json:"size"`
		Proof []string `json:"proof"`
	}
	var inclusion, consistency []proof
	for _, i := range []int64{0, 255, 256, 40000, 65535, 65536, 69999} {
		inclusion = append(inclusion, proof{i, large, hexes(must(tlog.ProveRecord(large, i, reader)))})
	}
	for _, n := range []int64{1, 256, 300, 65535, 65536, 69888, 69999, large} {
		consistency = append(consistency, proof{n, large, hexes(must(tlog.ProveTree(large, n, reader)))})
	}
	out["largeInclusion"], out["largeConsistency"] = inclusion, consistency

	// Every tile that growth writes: its path and its bytes.
	tiles := []map[string]any{}
	for _, step := range [][2]int64{{0, 1}, {0, 256}, {255, 257}, {1000, 1300}, {65530, 65540}, {0, large}} {
		digest := sha256.New()
		paths := []string{}
		for _, t := range tlog.NewTiles(8, step[0], step[1]) {
			path := torchwood.TilePath(t)
			digest.Write([]byte(path + "\n"))
			digest.Write(must(tlog.ReadTileData(t, reader)))
			paths = append(paths, path)
		}
		tiles = append(tiles, map[string]any{"oldSize": step[0], "newSize": step[1], "count": len(paths),
			"last": paths[len(paths)-1], "digest": hex.EncodeToString(digest.Sum(nil))})
	}
	out["tiles"] = tiles
	paths := map[string]string{}
	for _, n := range []int64{0, 7, 999, 1000, 1234067, 999999999, 1000000000, 35184372088831} {
		paths[fmt.Sprint(n)] = torchwood.TilePath(tlog.Tile{H: 8, L: 3, N: n, W: 17})
	}
	out["paths"] = paths
	out["entriesPath"] = torchwood.TilePath(tlog.Tile{H: 8, L: -1, N: 1234067, W: 256})

	log, logKey, logSeed := signer(origin, 1)
	witness, witnessKey, witnessSeed := signer("witness.example/w1", 2)
	out["logKey"], out["logSeed"] = logKey, hex.EncodeToString(logSeed)
	out["witnessKey"], out["witnessSeed"] = witnessKey, hex.EncodeToString(witnessSeed)

	text := "Ognuno sta solo\n\ned è subito sera.\n"
	out["text"] = text
	out["note"] = string(must(note.Sign(&note.Note{Text: text}, log)))
	out["noteByTwo"] = string(must(note.Sign(&note.Note{Text: text}, log, witness)))

	root := must(tlog.TreeHash(large, reader))
	head := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: large, Hash: root}}.String()
	checkpoint := must(note.Sign(&note.Note{Text: head}, log))
	out["checkpoint"] = string(checkpoint)
	at := must(tlog.ProveRecord(large, 40000, reader))
	out["proof"] = string(torchwood.FormatProof(40000, at, checkpoint))
	out["proofWithExtra"] = string(torchwood.FormatProofWithExtraData(40000, []byte("extra \x00\xff"), at, checkpoint))

	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		panic(err)
	}
}
