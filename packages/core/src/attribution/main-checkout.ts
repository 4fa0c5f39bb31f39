/**
 * The root of the repository that a working directory belongs to. Claude Code keeps its notes on a repository in `…/projects/SLUG/memory`, where SLUG
 * is the main checkout's path with everything but letters and digits turned into dashes: also when it works in a subdirectory or in a linked worktree.
 *
 * A slug does not tell dashes apart, so it is only ever matched against the directory's own ancestors, or read as a sibling of it.
 */
export function mainCheckoutOf(directory: string, memoryDirectory: string | undefined): string {
  const slug = memoryDirectory === undefined ? undefined : /[\\/]projects[\\/]([A-Za-z0-9-]{1,512})[\\/]memory(?:[\\/]|$)/.exec(memoryDirectory)?.[1]
  if (slug === undefined || directory.length > 1024) return directory
  const own = slugOf(directory)
  for (let end = directory.length; end > 0; end = Math.max(directory.lastIndexOf('/', end - 1), directory.lastIndexOf('\\', end - 1))) {
    // One character of a path is one of its slug.
    if (end === slug.length && own.startsWith(slug)) return directory.slice(0, end)
  }
  const parentLength = Math.max(directory.lastIndexOf('/'), directory.lastIndexOf('\\')) + 1
  const isSibling = parentLength > 1 && slug.length > parentLength && slug.startsWith(own.slice(0, parentLength))
  return isSibling ? directory.slice(0, parentLength) + slug.slice(parentLength) : directory
}

function slugOf(path: string): string {
  return path.replace(/[^A-Za-z0-9]/g, '-')
}
