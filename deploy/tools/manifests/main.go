// Command manifests reads Kubernetes manifests from its input as strictly as the API server would: an unknown field, a field that is
// there twice or a value of the wrong kind is an error. Custom resources are only read as YAML. It asks no cluster and no network.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	strict "sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader) error {
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	var problems []error
	for n := 1; ; n++ {
		doc, err := documents.Read()
		if err == io.EOF {
			return errors.Join(problems...)
		}
		if err != nil {
			return err
		}
		var any map[string]any
		if err := strict.UnmarshalStrict(doc, &any); err != nil || len(any) == 0 {
			if err != nil {
				problems = append(problems, fmt.Errorf("document %d: %w", n, err))
			}
			continue
		}
		if _, _, err := decoder.Decode(doc, nil, nil); err != nil && !runtime.IsNotRegisteredError(err) {
			problems = append(problems, fmt.Errorf("document %d, %v: %w", n, any["kind"], err))
		}
	}
}
