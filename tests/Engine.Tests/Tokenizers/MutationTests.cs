using System.Text;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>A damaged file is refused or works; it never crashes the program.</summary>
public sealed class MutationTests
{
    [Theory]
    [InlineData("gpt2", 1)]
    [InlineData("llama3", 2)]
    [InlineData("sentencePiece", 3)]
    [InlineData("characters", 4)]
    [InlineData("suffixed", 5)]
    public void DamagedFilesAreRefusedOrWork(string name, int seed)
    {
        byte[] original = File.ReadAllBytes(Fixtures.Path($"{name}.json"));
        using var folder = new TemporaryFolder();
        var random = new Random(seed);
        int working = 0;
        for (int round = 0; round < 600; round++)
        {
            byte[] damaged = Damage(original, random);
            string path = folder.Write("tokenizer.json", damaged);
            string text = EncodingTests.RandomText(random) + " the 12's";
            try
            {
                Tokenizer tokenizer = TokenizerLoader.TryLoad(folder.Path)!;
                int[] ids = tokenizer.Encode(text);
                Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.Count - 1));
                _ = tokenizer.Decode(ids);
                working++;
            }
            catch (InputException exception)
            {
                Assert.DoesNotContain('\n', exception.Message);
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"round {round}: {exception}\n{Encoding.UTF8.GetString(damaged)[..200]}");
            }
        }
        Assert.InRange(working, 1, 599); // Neither harmless nor hopeless.
    }

    private static byte[] Damage(byte[] original, Random random)
    {
        var bytes = new List<byte>(original);
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            // Half of the damage goes to the parts before and after the long lists.
            int at = random.Next(2) == 0 ? random.Next(bytes.Count) : random.Next(Math.Min(900, bytes.Count));
            int length = Math.Min(random.Next(1, 12), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - length), length));
                    break;
                case 3:
                    bytes[at] = (byte)"0123456789-\"{}[],:\\u "[random.Next(21)];
                    break;
                case 4:
                    bytes.InsertRange(at, "\\ud800"u8.ToArray());
                    break;
                default:
                    // A digit for a digit and a letter for a letter keep the file readable.
                    if (char.IsAsciiDigit((char)bytes[at]))
                        bytes[at] = (byte)random.Next('0', '9' + 1);
                    else if (char.IsAsciiLetter((char)bytes[at]))
                        bytes[at] = (byte)random.Next('a', 'z' + 1);
                    break;
            }
        }
        return [.. bytes];
    }
}
