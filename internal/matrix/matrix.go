package matrix

import "slices"

// All returns every scenario of the matrix, in the order of the table.
func All() []Scenario {
	return slices.Concat(linkScenarios(), busyScenarios(), gridScenarios(), fileScenarios(), sharingScenarios(), backgroundScenarios(), queueScenarios(), pathScenarios(), changeScenarios())
}
