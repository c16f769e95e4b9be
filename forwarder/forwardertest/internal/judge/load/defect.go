package load

// A Defect is what is wrong with a broken client.
type Defect string

// The defects: each breaks one promise. Sound is the broken client with nothing
// wrong, for the proof that it is the defect that is caught.
const (
	None           Defect = "" // the forwarder itself
	Sound          Defect = "sound"
	NotIdempotent  Defect = "idempotence off"
	Resends        Defect = "limited retries, and the caller resends"
	DropsKey       Defect = "a key dropped for one user in 1,000"
	ChangesByte    Defect = "one payload byte changed"
	Swallows       Defect = "one message swallowed after its acknowledgement"
	Swaps          Defect = "two of a user swapped"
	SendsNotSent   Defect = "a not-sent that was sent"
	WrongPartition Defect = "a wrong partition"
	// Sarama's producer raises the epoch, and asks for no other id.
	KeepsProducerID Defect = "a lost producer id kept"
	// The broken client reads the file once.
	KeepsPassword Defect = "a replaced password kept"
)

// What is wrong with a process that has a spool.
const (
	// Forgetful takes what a former life may have written for not written.
	Forgetful Defect = "a fresh producer id before the doubt is settled"
	// KeepsNothing reports a batch as stored that it has not given to the spool.
	KeepsNothing Defect = "stored before it is on the disk"
	// StoresSwapped stores two batches of a user in the wrong order.
	StoresSwapped Defect = "two of a user stored the wrong way round"
)

// The defects of a door.
const (
	AnswersEarly Defect = "a door that answers before Kafka"
	ForgetsIDs   Defect = "a door that forgets what it has kept"
	NoQuarantine Defect = "a door without quarantine"
	// ForgetsAtRestart stores batches without what they are recognised by.
	ForgetsAtRestart Defect = "a door that forgets at a restart what it has kept"
)

// The defects of routes.
const (
	WrongTopic    Defect = "events routed to another topic"
	MissesTopic   Defect = "a batch for two topics sent to one"
	MisnamesTopic Defect = "errors that name another topic"
)

func (d Defect) ofRoutes() bool { return d == WrongTopic || d == MissesTopic || d == MisnamesTopic }

func (d Defect) ofDoor() bool { return d == AnswersEarly || d == ForgetsIDs || d == NoQuarantine }
