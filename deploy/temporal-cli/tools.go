//go:build tools

// Package tools keeps the Temporal CLI among this module's requirements, so that go.sum pins all of it.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
