namespace Faith.Engine.Files;

/// <summary>What a path leads to.</summary>
public enum FileKind
{
    /// <summary>Nothing.</summary>
    Missing,
    /// <summary>A file with a beginning and an end.</summary>
    Regular,
    /// <summary>A folder.</summary>
    Folder,
    /// <summary>A pipe with a name, or one that another program holds the other end of.</summary>
    Pipe,
    /// <summary>A terminal, /dev/null, /dev/zero and their like.</summary>
    Device,
    /// <summary>A socket, or what the system does not tell.</summary>
    Other,
}
