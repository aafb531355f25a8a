export {
  fileChangesPageSchema,
  listedSnapshotSchema,
  snapshotFilesPageSchema,
  snapshotListSchema,
} from '@fornax/contracts';
