package forwarder

import "reflect"

// sizeOf is how many bytes a value of the type takes, without what it points to.
func sizeOf[T any]() int { return int(reflect.TypeFor[T]().Size()) }
