using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Files;
using Faith.Engine.Models;

namespace Faith.Cli;

/// <summary>
/// Checks of the files that a command will write, made before its work so that the work is not lost. Commands say of each of their paths
/// what it is for (<see cref="PathRole"/>); what must hold of all of them stands here.
/// </summary>
internal static class Outputs
{
    /// <summary>Refuses outputs that cannot be written, that are inputs, that lie in a model's directory, and two that are one file.</summary>
    /// <exception cref="InputException">One of these.</exception>
    public static void Check(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var paths = command.Options.Concat<Symbol>(command.Arguments).OfType<IPaths>().SelectMany(symbol => symbol.In(parse), (symbol, path) => new NamedPath(symbol, path)).ToArray();
        var models = paths.Where(p => p.Role == PathRole.Model).Select(FolderOf).OfType<string>().ToArray();
        Place[] inputs = [.. paths.Where(p => p.Role is PathRole.Input or PathRole.Data).Select(p => new Place(p.ToString(), FileIdentity.Of(p.Path))),
            .. models.SelectMany(folder => Directory.EnumerateFiles(folder), (folder, file) => new Place($"a file of the model, {file}", FileIdentity.Of(file)))];
        Place[] streams = [.. ((string[])["/dev/stdout", "/dev/stderr"]).Select(name => new Place(name, FileIdentity.Of(name)))];
        var outputs = new List<(NamedPath Named, FileIdentity File, FileIdentity Folder, string Name)>();
        foreach (var path in paths.Where(p => p.Role is PathRole.Output or PathRole.Folder))
        {
            if (path.Role == PathRole.Output && OutputFile.IsWrittenThrough(path.Path)) continue;
            if (path.Role == PathRole.Folder) OutputFolder.Check(path.Path);
            var target = path.Role == PathRole.Folder ? Path.GetFullPath(path.Path) : OutputFile.TargetOf(path.Path);
            if (path.Role == PathRole.Output) CheckFile(path.Path, target);
            var (file, name) = (FileIdentity.Of(target), Path.GetFileName(target));
            var folder = path.Role == PathRole.Folder && file.Kind == FileKind.Folder ? target : Nearest(Path.GetDirectoryName(target) ?? target);
            foreach (var model in models)
                if (Contains(FileIdentity.Of(model), folder)) throw new InputException($"{path}: lies in the directory of the model, {model}; write the results elsewhere");
            foreach (var input in inputs)
                if (input.File.Kind == FileKind.Regular && input.File.IsSameFile(file)) throw new InputException($"{path}: is the same file as {input.Name}; writing it would destroy what is read");
            foreach (var stream in streams)
                if (stream.File.Kind == FileKind.Regular && stream.File.IsSameFile(file)) throw new InputException($"{path}: is the file that {stream.Name} goes to, and would replace it; give {stream.Name} or another file");
            foreach (var other in outputs)
                if (other.File.IsSameFile(file) || other.File.Kind == FileKind.Missing && file.Kind == FileKind.Missing && other.Name == name && other.Folder.IsSameFile(FileIdentity.Of(folder)))
                    throw new InputException($"{path}: two outputs would go to this one file; {other.Named} names it too");
            outputs.Add((path, file, FileIdentity.Of(folder), name));
        }
    }

    private readonly record struct NamedPath(IPaths Symbol, string Path)
    {
        public PathRole Role => Symbol.Role;
        public override string ToString() => Symbol.Name.StartsWith('-') ? $"{Symbol.Name} {Path}" : Path;
    }

    private readonly record struct Place(string Name, FileIdentity File);

    // What names no model is for the command to say.
    private static string? FolderOf(NamedPath model)
    {
        try
        {
            var folder = ModelCatalog.Resolve(model.Path);
            return Directory.Exists(folder) ? folder : null;
        }
        catch (InputException)
        {
            return null;
        }
    }

    private static void CheckFile(string path, string target)
    {
        if (new FileInfo(path).LinkTarget is not null && !Path.Exists(target)) throw new InputException($"{path}: is a link to a file that is not there; name that file instead");
        if (Directory.Exists(target)) throw new InputException($"{path}: is a folder; give the name of a file");
        var folder = Path.GetDirectoryName(target)!;
        if (!Directory.Exists(folder)) throw new InputException($"{path}: the folder does not exist; create it or give another");
        try
        {
            var file = FileIdentity.Of(target);
            if (file.Kind == FileKind.Regular)
            {
                if (file.Mount != FileIdentity.Of(folder).Mount) throw new InputException($"{path}: is mounted by itself, so that it cannot be replaced whole; name a file in a folder that is mounted");
                // Opening changes nothing: not the content, not the time.
                using var existing = new FileStream(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            }
            Probe(folder);
            // A name that is too long is found where it is looked up.
            if (file.Kind == FileKind.Missing && !File.Exists(target)) using (new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose)) { }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be written ({e.Message})", e);
        }
    }

    /// <summary>Makes and removes a file: only the file system knows whether one can be made here; permissions alone do not tell (read-only mounts).</summary>
    public static void Probe(string folder)
    {
        using var probe = new FileStream(OutputFile.NewTemporary(folder), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
    }

    // The folder that is there, of one that may have to be made.
    private static string Nearest(string folder)
    {
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } above) folder = above;
        return folder;
    }

    // Up by "..", which follows links as the system does.
    private static bool Contains(FileIdentity model, string folder)
    {
        for (var at = FileIdentity.Of(folder); ; folder = Path.Combine(folder, ".."))
        {
            if (at.IsSameFile(model)) return true;
            var above = FileIdentity.Of(Path.Combine(folder, ".."));
            if (above.Kind == FileKind.Missing || above.IsSameFile(at)) return false;
            at = above;
        }
    }
}
