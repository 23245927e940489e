//go:build !linux

package doctor

// adapterFeatures is not known here.
func adapterFeatures(string) []feature { return nil }

// isPhysical is of no importance where the features are not known.
func isPhysical(string) bool { return false }
