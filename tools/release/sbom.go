package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"sresnet/tools/program"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bom returns the list of what is in a program, in CycloneDX 1.6 as JSON: Go's own packages and every
// module with its version, its hash in go.sum and its licence. It has no time and no number
// of its own, so that it is the same whoever makes it.
func bom(ctx context.Context, p *program.Program) ([]byte, error) {
	licences, err := p.Licences(ctx)
	if err != nil {
		return nil, err
	}
	self := component(cdx.ComponentTypeApplication, "sresnet", p.Version(), "pkg:golang/sresnet@"+p.Version(), "Apache-2.0")
	self.Properties = &[]cdx.Property{{Name: "platform", Value: p.Platform.String()}}
	var (
		parts []cdx.Component
		refs  []string
	)
	sums := map[string]string{"Go": ""}
	for _, m := range p.Modules() {
		sums[m.Path] = m.Sum
	}
	for _, l := range licences {
		id, err := spdx(l.Texts[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		c := component(cdx.ComponentTypeLibrary, l.Name, l.Version, "pkg:golang/"+l.Name+"@"+l.Version, id)
		if l.Name == "Go" {
			c = component(cdx.ComponentTypeLibrary, "std", l.Version, "pkg:golang/std@"+l.Version, id)
		}
		if sum, ok := strings.CutPrefix(sums[l.Name], "h1:"); ok {
			b, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("%s: sum %s: %w", l.Name, sum, err)
			}
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", b)}}
		}
		parts, refs = append(parts, c), append(refs, c.BOMRef)
	}
	list := cdx.NewBOM()
	list.Metadata = &cdx.Metadata{Component: &self}
	list.Components = &parts
	list.Dependencies = &[]cdx.Dependency{{Ref: self.BOMRef, Dependencies: &refs}}
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(list, cdx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func component(kind cdx.ComponentType, name, version, purl, licence string) cdx.Component {
	return cdx.Component{
		Type: kind, Name: name, Version: version, BOMRef: purl, PackageURL: purl,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: licence}}},
	}
}

// kinds are the licences that are known, by words that no other has, the first that fits.
var kinds = []struct {
	id    string
	words *regexp.Regexp
}{
	{"Apache-2.0", regexp.MustCompile(`Apache License\s+Version 2\.0`)},
	{"MPL-2.0", regexp.MustCompile(`Mozilla Public License,? [Vv]ersion 2\.0`)},
	{"ISC", regexp.MustCompile(`Permission to use, copy, modify, and(/or)? distribute this software`)},
	{"MIT", regexp.MustCompile(`Permission is hereby granted, free of charge, to any person obtaining a copy`)},
	{"CC-BY-4.0", regexp.MustCompile(`^Creative Commons Attribution 4\.0 International Public License`)},
	{"Unlicense", regexp.MustCompile(`^This is free and unencumbered software released into the public domain`)},
	{"FTL", regexp.MustCompile(`^Use of the Freetype-Go software is subject to your choice of exactly one`)}, // Or the GPL; the other is ours.
	{"BSD-3-Clause", regexp.MustCompile(`(?s)Redistribution and use in source and binary forms.*(Neither the names? of|may not be used to endorse)`)},
	{"BSD-2-Clause", regexp.MustCompile(`Redistribution and use in source and binary forms`)},
}

// spdx returns the identifier of the licence that a text is, by the list of SPDX.
func spdx(text []byte) (string, error) {
	plain := strings.Join(strings.Fields(string(text)), " ")
	for _, k := range kinds {
		if k.words.MatchString(plain) {
			return k.id, nil
		}
	}
	return "", fmt.Errorf("an unknown licence, which begins with %q: add it to tools/release", plain[:min(len(plain), 60)])
}
