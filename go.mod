module github.com/eventferry/eventferry

go 1.26.0

require (
	github.com/IBM/sarama v1.61.1
	github.com/stretchr/testify v1.12.1
	github.com/xdg-go/scram v1.4.0
)
