package filters

// Paths are made once, not for each batch. Nothing writes to them.
//
//nolint:gochecknoglobals // constants in all but name
var (
	environmentPath      = []string{"environment"}
	consentPath          = []string{"consent_state"}
	planReferencePath    = []string{"context", "data_plan"}
	userAttributesPath   = []string{"user_attributes"}
	userIdentitiesPath   = []string{"user_identities"}
	identityPath         = []string{"identity"}
	deviceIDPath         = []string{"mp_deviceid"}
	eventDataPath        = []string{"data"}
	customAttributesPath = []string{"data", "custom_attributes"}

	ccpaPurposes = []string{"data_sale_opt_out"} // all that ccpa has

	quoteMark = []byte(`"`) // for bytes.Count
)
