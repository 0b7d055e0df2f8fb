// Compose 5 as a plugin of the docker command, and as a command of its own.
package main

import (
	"os"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/docker/compose/v5/cmd/compatibility"
	"github.com/docker/compose/v5/cmd/compose"
	"github.com/spf13/cobra"
)


func main() {
	if plugin.RunningStandalone() {
		os.Args = append([]string{"docker"}, compatibility.Convert(os.Args[1:])...)
	}
	plugin.Run(root, metadata.Metadata{SchemaVersion: "0.1.0", Vendor: "exai tests", Version: "5"})
}

func root(cli command.Cli) *cobra.Command {
	root := compose.RootCommand(cli, &compose.BackendOptions{})
	prepare := root.PersistentPreRunE
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := plugin.PersistentPreRunE(cmd, args); err != nil {
			return err
		}
		return prepare(cmd, args)
	}
	return root
}
