import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Notice } from "./Notice";

/** A page that breaks says so and leaves the rest of the room working. */
export class PageBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="page">
        <Notice
          tone="red"
          title="This page stopped working."
          action={
            <Button size="compact-sm" variant="default" onClick={() => location.reload()}>
              Load it again
            </Button>
          }
        >
          Recording is not affected. Tell whoever looks after this installation: {error.message}
        </Notice>
      </div>
    );
  }
}
