// Package doozer is a client of a Doozer server with the calls of the original's Go client.
package doozer

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Verbs by their numbers.
const (
	verbGet    = 1
	verbSet    = 2
	verbDel    = 3
	verbRev    = 5
	verbWait   = 6
	verbNop    = 7
	verbWalk   = 9
	verbGetdir = 14
	verbStat   = 16
	verbSelf   = 20
	verbAccess = 99
)

// The two messages, as this library sees them.
var requestType, responseType = messageTypes()

type kind = descriptorpb.FieldDescriptorProto_Type

const (
	int32Kind  = descriptorpb.FieldDescriptorProto_TYPE_INT32
	int64Kind  = descriptorpb.FieldDescriptorProto_TYPE_INT64
	stringKind = descriptorpb.FieldDescriptorProto_TYPE_STRING
	bytesKind  = descriptorpb.FieldDescriptorProto_TYPE_BYTES
)

func field(name string, number int32, kind kind) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{
		Name:   proto.String(name),
		Number: proto.Int32(number),
		Type:   kind.Enum(),
		Label:  descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
}

// messageTypes builds the descriptors: verbs and errors are int32 here, which is the same on the wire.
func messageTypes() (protoreflect.MessageDescriptor, protoreflect.MessageDescriptor) {
	request := []*descriptorpb.FieldDescriptorProto{
		field("tag", 1, int32Kind), field("verb", 2, int32Kind), field("path", 4, stringKind),
		field("value", 5, bytesKind), field("other_tag", 6, int32Kind),
		field("offset", 7, int32Kind), field("rev", 9, int64Kind),
	}
	response := []*descriptorpb.FieldDescriptorProto{
		field("tag", 1, int32Kind), field("flags", 2, int32Kind), field("rev", 3, int64Kind),
		field("path", 5, stringKind), field("value", 6, bytesKind), field("len", 8, int32Kind),
		field("err_code", 100, int32Kind), field("err_detail", 101, stringKind),
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:    proto.String("doozer.proto"),
		Package: proto.String("doozer"),
		Syntax:  proto.String("proto2"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Request"), Field: request},
			{Name: proto.String("Response"), Field: response},
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	return file.Messages().ByName("Request"), file.Messages().ByName("Response")
}

// message is a request or a response whose fields go by name.
type message struct{ *dynamicpb.Message }

func newRequest(verb int32) message {
	return message{dynamicpb.NewMessage(requestType)}.with("verb", verb)
}

func newResponse() message {
	return message{dynamicpb.NewMessage(responseType)}
}

func (m message) field(name protoreflect.Name) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(name)
}

func (m message) with(name protoreflect.Name, value any) message {
	m.Set(m.field(name), protoreflect.ValueOf(value))
	return m
}

// atRev sets the revision where there is one.
func (m message) atRev(rev *int64) message {
	if rev != nil {
		return m.with("rev", *rev)
	}
	return m
}

func (m message) has(name protoreflect.Name) bool  { return m.Has(m.field(name)) }
func (m message) int(name protoreflect.Name) int64 { return m.Get(m.field(name)).Int() }
func (m message) string(name protoreflect.Name) string {
	return m.Get(m.field(name)).String()
}
func (m message) bytes(name protoreflect.Name) []byte { return m.Get(m.field(name)).Bytes() }
