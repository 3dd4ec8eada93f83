using System.Text;
using Faith.Engine;

namespace Faith.Cli;

/// <summary>Standard output of the process, whose failures name it: it may be closed, or redirected to a full disk.</summary>
/// <param name="inner">The stream of the system.</param>
/// <param name="name">What a message calls it.</param>
internal sealed class StandardStream(Stream inner, string name) : Stream
{
    /// <summary>A writer that passes on everything at once.</summary>
    public static TextWriter Output() =>
        new StreamWriter(new StandardStream(Console.OpenStandardOutput(), "standard output"), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };

    /// <inheritdoc/>
    public override bool CanRead => false;
    /// <inheritdoc/>
    public override bool CanSeek => false;
    /// <inheritdoc/>
    public override bool CanWrite => true;
    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();
    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    /// <inheritdoc/>
    public override void Flush() { }
    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{name} cannot be written: {(e is UnauthorizedAccessException ? "it is closed" : e.Message)}; redirect it to a file or /dev/null", e);
        }
    }
}
