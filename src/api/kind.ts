import type { FieldError } from './meta/field-error.ts';
import type { KubeObject } from './meta/object.ts';

/**
 * Everything that is special about one kind; the registry does the rest the same way for all. Pure: no I/O, no clock.
 * A kind is one file that exports one `defineKind({...})`, and one line in scheme.ts.
 */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** `all` makes it part of `kubectl get all`. */
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** Its type in the schema table: `core/v1.Pod`. Undefined for custom resources. */
  readonly schema: string | undefined;
  /** Same stored objects under several versions (HorizontalPodAutoscaler v1 and v2): the version that is stored. */
  readonly storageVersion: string;
  /** Same stored objects under several groups (Event in core and events.k8s.io): the group that is stored. */
  readonly storageGroup: string;
  /** To and from the form that is stored, where that differs from this version's. Pure; may share parts with the argument. */
  readonly toStorage?: (object: KubeObject) => KubeObject;
  readonly fromStorage?: (object: KubeObject) => KubeObject;
  readonly subresources: Readonly<Record<string, Subresource>>;
  /** Raises `metadata.generation` when anything but metadata and status changes. */
  readonly hasGeneration: boolean;
  /** Changed annotations raise the generation too (Deployments hand theirs on). */
  readonly generationFollowsAnnotations?: boolean;
  /** The rule for names; default DNS-1123 subdomain. Answers with problems. */
  readonly nameCheck?: (name: string) => readonly string[];
  /** Defaults that the schema table does not say. Changes the object in place. Must be idempotent. */
  readonly setDefaults?: (object: KubeObject) => void;
  /** The status that comes with a create is kept (a node registers with its own). */
  readonly keepsStatusOnCreate?: boolean;
  /** Before validation of a create: clears what clients may not set (status, generation). In place. */
  readonly prepareForCreate?: (object: KubeObject) => void;
  /** Before validation of an update of the main resource: keeps what it may not touch (status). In place. */
  readonly prepareForUpdate?: (object: KubeObject, old: KubeObject) => void;
  /** Before validation of an update of `/status`: by default everything but `status` (and metadata's bookkeeping) is the old one's. */
  readonly prepareForStatusUpdate?: (object: KubeObject, old: KubeObject) => void;
  readonly validate?: (object: KubeObject) => FieldError[];
  readonly validateUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  readonly validateStatusUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  /** Lines for the `Warning:` header. */
  readonly warnings?: (object: KubeObject, old: KubeObject | undefined) => string[];
  /** Field selectors beyond `metadata.name` and `metadata.namespace`. A field that is absent reads as ''. */
  readonly selectableFields: Readonly<Record<string, (object: KubeObject) => string>>;
  /** What the stored version calls a selectable field, where that is another name. */
  readonly storedFieldNames?: Readonly<Record<string, string>>;
  /** Columns after the name, as kubectl shows them. */
  readonly columns: readonly Column[];
  /** The columns are the whole row: the name is one of them, or is written in another way (events, storage classes). */
  readonly columnsAreWholeRow?: boolean;
  /** How deletion works when it is not immediate: the grace period that the kind wants (pods). */
  readonly deletionGraceSeconds?: (object: KubeObject, requested: number | undefined) => number;
  /** Default of `propagationPolicy` when the client does not say. */
  readonly defaultPropagation: 'Background' | 'Orphan' | 'Foreground';
}

export interface Subresource {
  readonly verbs: readonly string[];
  /** What its body is; default the kind itself. */
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
}

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description: string;
  /** 0 always, 1 with `-o wide`. */
  readonly priority: number;
  /** `now` is milliseconds since the epoch, for ages. */
  readonly cell: (object: KubeObject, now: number) => string | number | boolean | null;
}
